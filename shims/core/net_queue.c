#include "net_queue.h"

#define DATAGRAM_OVERHEAD 768u

static struct net_block *block_at(struct world *w, u32 block) { return &w->net_blocks[block]; }

static u32 block_take(struct world *w)
{
    u32 block = w->free_net_block;
    if (block)
        w->free_net_block = block_at(w, block)->next;
    else if (w->used_net_blocks + 1 < NET_BLOCKS_MAX)
        block = ++w->used_net_blocks;
    else
        return 0;
    struct net_block *b = block_at(w, block);
    b->next = b->used = b->next_datagram = b->datagram_bytes = 0;
    return block;
}

static void block_free(struct world *w, u32 block)
{
    block_at(w, block)->next = w->free_net_block;
    w->free_net_block = block;
}

/* ---- streams ---- */
u8 *stream_space(struct world *w, struct sock *s, u64 *bytes)
{
    struct net_block *last = block_at(w, s->last_block);
    if (!s->last_block || last->used == NET_BLOCK_DATA) {
        u32 fresh = block_take(w);
        if (!fresh)
            return 0;
        if (s->last_block)
            last->next = fresh;
        else
            s->first_block = fresh;
        s->last_block = fresh;
        last = block_at(w, fresh);
    }
    u64 room = NET_BLOCK_DATA - last->used;
    if (*bytes > room)
        *bytes = room;
    return last->data + last->used;
}

static void drop_first(struct world *w, struct sock *s)
{
    u32 first = s->first_block;
    s->first_block = block_at(w, first)->next;
    s->first_offset = 0;
    if (!s->first_block)
        s->last_block = 0;
    block_free(w, first);
}

void stream_added(struct world *w, struct sock *s, u64 bytes)
{
    block_at(w, s->last_block)->used += (u32)bytes;
    s->bytes += bytes;
    if (!s->bytes) /* nothing after all: an idle connection holds no block */
        drop_first(w, s);
}

const u8 *stream_data(struct world *w, struct sock *s, u64 skip, u64 *bytes)
{
    u64 offset = s->first_offset + skip;
    u32 block = s->first_block;
    while (block && offset >= block_at(w, block)->used) {
        offset -= block_at(w, block)->used;
        block = block_at(w, block)->next;
    }
    if (!block) {
        *bytes = 0;
        return 0;
    }
    u64 there = block_at(w, block)->used - offset;
    if (*bytes > there)
        *bytes = there;
    return block_at(w, block)->data + offset;
}

void stream_remove(struct world *w, struct sock *s, u64 bytes)
{
    s->bytes -= bytes;
    while (bytes) {
        struct net_block *first = block_at(w, s->first_block);
        u64 there = first->used - s->first_offset, n = bytes < there ? bytes : there;
        s->first_offset += (u32)n;
        bytes -= n;
        if (s->first_offset == first->used && (first->used == NET_BLOCK_DATA || !s->bytes))
            drop_first(w, s);
    }
    while (!s->bytes && s->first_block) /* behind a full one: of a send that could not read its memory */
        drop_first(w, s);
}

/* ---- datagrams ---- */
int datagram_grow(struct world *w, u32 datagram, u64 bytes)
{
    u64 total = block_at(w, datagram)->datagram_bytes + bytes, room = NET_BLOCK_DATA;
    u32 last = datagram;
    for (; room < total; room += NET_BLOCK_DATA) {
        u32 next = block_at(w, last)->next;
        if (!next)
            next = block_at(w, last)->next = block_take(w);
        if (!next)
            return 0;
        last = next;
    }
    block_at(w, datagram)->datagram_bytes = (u32)total;
    return 1;
}

u32 datagram_new(struct world *w, u64 bytes)
{
    u32 first = block_take(w);
    if (first && datagram_grow(w, first, bytes))
        return first;
    datagram_free(w, first);
    return 0;
}

u8 *datagram_span(struct world *w, u32 datagram, u64 offset, u64 *bytes)
{
    u64 left = block_at(w, datagram)->datagram_bytes - offset;
    while (offset >= NET_BLOCK_DATA) {
        datagram = block_at(w, datagram)->next;
        offset -= NET_BLOCK_DATA;
    }
    if (*bytes > NET_BLOCK_DATA - offset)
        *bytes = NET_BLOCK_DATA - offset;
    if (*bytes > left)
        *bytes = left;
    return block_at(w, datagram)->data + offset;
}

void datagram_append(struct world *w, struct sock *s, u32 datagram)
{
    struct net_block *b = block_at(w, datagram);
    if (s->last_block)
        block_at(w, s->last_block)->next_datagram = datagram;
    else
        s->first_block = datagram;
    s->last_block = datagram;
    s->datagrams++;
    s->bytes += b->datagram_bytes;
    s->charge += datagram_charge(b->datagram_bytes);
}

void datagram_free(struct world *w, u32 datagram)
{
    while (datagram) {
        u32 next = block_at(w, datagram)->next;
        block_free(w, datagram);
        datagram = next;
    }
}

u32 datagram_copy(struct world *w, u32 datagram)
{
    u32 copy = datagram_new(w, block_at(w, datagram)->datagram_bytes);
    for (u32 from = datagram, to = copy, next; from && to; to = next) {
        next = block_at(w, to)->next;
        *block_at(w, to) = *block_at(w, from);
        from = block_at(w, from)->next;
        block_at(w, to)->next = next;
    }
    if (copy)
        block_at(w, copy)->next_datagram = 0;
    return copy;
}

void datagram_remove(struct world *w, struct sock *s)
{
    u32 first = s->first_block;
    struct net_block *b = block_at(w, first);
    s->first_block = b->next_datagram;
    if (!s->first_block)
        s->last_block = 0;
    s->datagrams--;
    s->bytes -= b->datagram_bytes;
    s->charge -= datagram_charge(b->datagram_bytes);
    datagram_free(w, first);
}

u64 datagram_charge(u64 bytes)
{
    return bytes + DATAGRAM_OVERHEAD;
}

void net_queue_drop(struct world *w, struct sock *s)
{
    while (s->datagrams)
        datagram_remove(w, s);
    if (s->bytes)
        stream_remove(w, s, s->bytes);
}
