/* Two threads do everything that is a point, each with objects of its own: nobody ever waits. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#define TURNS 100

static const struct timespec past = {1, 0};

static void nothing(void) {}

static int locks(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_rwlock_t both = PTHREAD_RWLOCK_INITIALIZER;
	pthread_spinlock_t spin;
	mtx_t c11;
	int ok = 1;

	pthread_spin_init(&spin, 0);
	mtx_init(&c11, mtx_timed);
	for (int i = 0; i < TURNS; i++) {
		ok &= !pthread_mutex_lock(&mutex) && !pthread_mutex_unlock(&mutex);
		ok &= !pthread_mutex_trylock(&mutex) && !pthread_mutex_unlock(&mutex);
		ok &= !pthread_mutex_timedlock(&mutex, &past) && !pthread_mutex_unlock(&mutex);
		ok &= !pthread_rwlock_rdlock(&both) && !pthread_rwlock_tryrdlock(&both);
		ok &= !pthread_rwlock_unlock(&both) && !pthread_rwlock_unlock(&both);
		ok &= !pthread_rwlock_wrlock(&both) && pthread_rwlock_trywrlock(&both);
		ok &= !pthread_rwlock_unlock(&both);
		ok &= !pthread_spin_lock(&spin) && pthread_spin_trylock(&spin);
		ok &= !pthread_spin_unlock(&spin);
		ok &= mtx_lock(&c11) == thrd_success && mtx_trylock(&c11) == thrd_busy;
		ok &= mtx_unlock(&c11) == thrd_success;
	}
	return ok;
}

static int waits(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
	pthread_barrier_t barrier;
	sem_t semaphore;
	cnd_t c11;
	int ok = 1;

	pthread_barrier_init(&barrier, NULL, 1);
	sem_init(&semaphore, 0, 0);
	cnd_init(&c11);
	for (int i = 0; i < TURNS; i++) {
		pthread_once_t once = PTHREAD_ONCE_INIT;
		once_flag flag = ONCE_FLAG_INIT;

		ok &= !pthread_cond_signal(&condition) && !pthread_cond_broadcast(&condition);
		ok &= cnd_signal(&c11) == thrd_success && cnd_broadcast(&c11) == thrd_success;
		pthread_mutex_lock(&mutex);
		ok &= pthread_cond_timedwait(&condition, &mutex, &past) != 0;
		pthread_mutex_unlock(&mutex);
		ok &= pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		ok &= sem_trywait(&semaphore) && !sem_post(&semaphore) && !sem_wait(&semaphore);
		ok &= sem_timedwait(&semaphore, &past) != 0;
		ok &= !pthread_once(&once, nothing);
		call_once(&flag, nothing);
	}
	return ok;
}

static int memory(void)
{
	int ok = 1;

	for (int i = 0; i < TURNS; i++) {
		void *some = malloc(100), *more = realloc(some, 200), *zeros = calloc(3, 5), *aligned = NULL;

		ok &= more && zeros && !posix_memalign(&aligned, 64, 64) && (size_t)aligned % 64 == 0;
		free(more);
		free(zeros);
		free(aligned);
		aligned = aligned_alloc(128, 256);
		ok &= aligned && (size_t)aligned % 128 == 0;
		free(aligned);
		ok &= !malloc((size_t)-1 / 2);
	}
	return ok;
}

static void *everything(void *unused)
{
	(void)unused;
	return locks() && waits() && memory() ? NULL : "not all as it should be";
}

int main(void)
{
	pthread_t thread;
	void *theirs, *ours;

	pthread_create(&thread, NULL, everything, NULL);
	ours = everything(NULL);
	pthread_join(thread, &theirs);
	puts(ours || theirs ? (ours ? ours : theirs) : "ok");
	return 0;
}
