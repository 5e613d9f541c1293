/* The scheduler's choice alone, N times over, for scripts/bench: choices TASKS N PARAMETER ...
 *
 * Of TASKS tasks one runs. At every point the strategy chooses; at every fourth who runs waits, is
 * woken by the next, and so goes through the ready set. The parameters are those of struct
 * sched_config, in its order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/sched.h"

static struct world *make_world(u32 tasks, char **parameters)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	struct world *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (w == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	w->config.sched_seed = 7;
	w->config.sched.strategy = (u32)atol(parameters[0]);
	w->config.sched.depth = (u32)atol(parameters[1]);
	w->config.sched.points = (u64)atol(parameters[2]);
	w->config.sched.keep_ppm = (u64)atol(parameters[3]);
	w->config.sched.slice_ns = (u64)atol(parameters[4]);
	w->config.sched.spin = (u64)atol(parameters[5]);
	for (u32 task = 1; task <= tasks; task++) {
		w->tasks[task].sched.identity = sched_identity(0, task);
		sched_add(w, task);
	}
	return w;
}

int main(int argc, char **argv)
{
	if (argc != 9)
		return 2;
	struct world *w = make_world((u32)atol(argv[1]), argv + 3);
	u32 running = sched_choose(w, 0);

	for (long i = atol(argv[2]); i; i--) {
		w->now_ns += 1000;
		if (i % 4) {
			if (sched_asks(w))
				running = sched_choose(w, running);
		} else {
			u32 waits = running;

			running = sched_choose(w, 0);
			sched_add(w, waits);
		}
	}
	return !running;
}
