/* decisions.c: what a run owes to a generator or to the outside. It is recorded in the trace's stream
 * of decisions; a run that follows a trace has it from there.
 *
 * Such a run makes its events anew, and each is compared as it is made. At the first one that is
 * another the world stands still.
 */
#include "decisions.h"

#include "core/replay.h"
#include "core/rules.h"

static void record_at(u64 event, u32 kind, u64 entity, u64 number, u64 value, u32 tid)
{
    if (!(WORLD->config.flags & CONFIG_RECORD))
        return;
    struct decision *d = (struct decision *)stream_reserve(STREAM_DECISIONS, sizeof *d);
    *d = (struct decision){.entity = entity, .value = value, .number = (u32)number,
                           .number_high = (u8)(number >> 32), .kind = (u8)kind, .tid = tid,
                           .event = (u32)event};
    stream_commit(STREAM_DECISIONS, sizeof *d);
}

static void decision_record(u32 kind, u64 entity, u64 number, u64 value, u32 tid)
{
    record_at(WORLD->trace.events, kind, entity, number, value, tid);
}

u32 choose_next(u32 running)
{
    struct world *w = WORLD;
    struct sched_task *giver = &task_at(w->token_task)->sched;
    u32 could_run = w->sched.count + (running != 0);
    u32 next = sched_choose(w, running);
    if (could_run > 1 && next != running)
        decision_record(DECISION_NEXT, giver->identity, giver->passed, task_at(next)->sched.identity,
                        task_at(next)->tid);
    return next;
}

u32 choose_waiter(u32 count)
{
    struct world *w = WORLD;
    struct sched_task *t = &current_task()->sched;
    u64 number = ++t->waiters_chosen, chosen;
    if (is_replay(w)) {
        const struct decision *d = decision_find(DECISION_WAITER, t->identity, number);
        chosen = d ? min_u64(d->value, count - 1) : 0;
    } else {
        chosen = sched_choose_waiter(w, count);
    }
    if (chosen)
        decision_record(DECISION_WAITER, t->identity, number, chosen, 0);
    return (u32)chosen;
}

const struct fault_action *choose_fault(const struct fault_rule *r, const struct fault_state *s, u64 match,
                                        u64 in_scope, u64 draw)
{
    const struct decision *d = is_replay(WORLD) ? decision_find(DECISION_FAULT, r->stream, match) : 0;
    u64 value = d ? d->value : 0;
    if (is_replay(WORLD) ? !d : !rule_decides(r, s, in_scope, draw))
        return 0;
    decision_record(DECISION_FAULT, r->stream, match, value, 0);
    return value ? &WORLD->faults.rules[value - 1].action : &r->action;
}

/* ---- what came from outside ---- */
static u64 *outside_counter(struct task *t, u32 kind)
{
    return kind == DECISION_INPUT ? &t->sched.outside_read : &t->sched.outside_asked;
}

static const struct decision *outside_next(struct task *t, u32 kind)
{
    return is_replay(WORLD) ? decision_find(kind, t->sched.identity, *outside_counter(t, kind) + 1) : 0;
}

int outside_as_in_trace(struct task *t, u32 kind, u64 *value)
{
    const struct decision *d = outside_next(t, kind);
    if (d)
        *value = d->value;
    return d != 0;
}

int outside_input_in_trace(struct task *t, u64 *value, u64 *bytes)
{
    const struct decision *d = outside_next(t, DECISION_INPUT);
    if (!d)
        return 0;
    *value = d->value;
    *bytes = REPLAY_BASE + REPLAY->inputs_at + d->event;
    return 1;
}

void outside_decided(struct task *t, u32 kind, u64 value)
{
    decision_record(kind, t->sched.identity, ++*outside_counter(t, kind), value, 0);
}

void outside_input_decided(struct task *t, u64 value, u64 event, u64 bytes)
{
    u64 number = ++*outside_counter(t, DECISION_INPUT);
    record_at(event, DECISION_INPUT, t->sched.identity, number, value, (u32)bytes);
}

/* ---- a run that follows a trace ---- */
static void stand_still(void)
{
    u32 *stands = &WORLD->replay.stands;
    __atomic_store_n(stands, 1, __ATOMIC_SEQ_CST);
    ring_bell();
    while (__atomic_load_n(stands, __ATOMIC_SEQ_CST))
        raw(__NR_futex, stands, 0 /* WAIT */, 1);
}

static void compare(u64 index, u64 identity)
{
    struct replay_state *r = &WORLD->replay;
    const u64 *identities = (const u64 *)(REPLAY_BASE + REPLAY->identities);
    if (r->differs_at)
        return; /* the run's end is an event too */
    if (index < REPLAY->events && identities[index] == identity) {
        r->compared++;
        return;
    }
    r->differs_at = index + 1;
    end_run(END_DIVERGED, "");
}

void event_follows(u64 identity, int may_be_taken_back)
{
    struct replay_state *r = &WORLD->replay;
    u64 events = WORLD->trace.events;
    if (WORLD->config.flags & CONFIG_COMPARE) {
        if (r->is_unsure)
            compare(events - 2, r->unsure);
        r->is_unsure = (u32)may_be_taken_back;
        r->unsure = identity;
        if (!may_be_taken_back)
            compare(events - 1, identity);
    }
    if (r->until && events >= r->until)
        stand_still();
}
