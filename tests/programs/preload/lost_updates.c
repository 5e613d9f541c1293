/* Reads and writes a counter in two critical sections where it should be one. Between them there is
 * no system call, and nobody ever has to wait. Prints what is left of 2 x 20 additions. */
#include <pthread.h>
#include <stdio.h>

#define TURNS 20

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int counter;

static void *add(void *unused)
{
	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&lock);
		int seen = counter;
		pthread_mutex_unlock(&lock);
		pthread_mutex_lock(&lock);
		counter = seen + 1;
		pthread_mutex_unlock(&lock);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, add, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("%d\n", counter);
	return 0;
}
