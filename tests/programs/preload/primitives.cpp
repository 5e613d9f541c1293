// C++'s primitives stand on libc's. Exceptions and cancellation pass through the functions.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <pthread.h>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

static int failures;
#define CHECK(what) ((what) ? void() : void((failures++, std::printf("not: %s\n", #what))))

static void once_throws_first()
{
	std::once_flag flag;
	int calls = 0;
	for (int i = 0; i < 3; i++) {
		try {
			std::call_once(flag, [&] {
				if (!calls++)
					throw std::runtime_error("not yet");
			});
		} catch (const std::runtime_error &) {
			CHECK(calls == 1);
		}
	}
	CHECK(calls == 2);
}

static void queue_of_one()
{
	std::mutex lock;
	std::condition_variable filled, emptied;
	int item = 0, sum = 0;
	std::thread consumer([&] {
		for (int i = 0; i < 100; i++) {
			std::unique_lock<std::mutex> held(lock);
			filled.wait(held, [&] { return item != 0; });
			sum += item;
			item = 0;
			emptied.notify_one();
		}
	});
	for (int i = 1; i <= 100; i++) {
		std::unique_lock<std::mutex> held(lock);
		emptied.wait(held, [&] { return item == 0; });
		item = i;
		filled.notify_one();
	}
	consumer.join();
	CHECK(sum == 5050);
}

static void readers_and_writers()
{
	std::shared_timed_mutex lock;
	std::vector<int> values(2);
	std::vector<std::thread> threads;
	for (int t = 0; t < 4; t++)
		threads.emplace_back([&, t] {
			for (int i = 0; i < 50; i++) {
				if (t % 2) {
					std::unique_lock<std::shared_timed_mutex> held(lock);
					values[0]++;
					values[1]++;
				} else {
					std::shared_lock<std::shared_timed_mutex> held(lock);
					CHECK(values[0] == values[1]);
				}
			}
		});
	for (auto &thread : threads)
		thread.join();
	CHECK(values[0] == 100);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static int cleaned;

static void clean(void *)
{
	cleaned++;
	pthread_mutex_unlock(&held);
}

static void *waits_for_ever(void *)
{
	struct Local {
		~Local() { cleaned++; }
	} local;
	pthread_mutex_lock(&held);
	pthread_cleanup_push(clean, nullptr);
	for (;;)
		pthread_cond_wait(&never, &held);
	pthread_cleanup_pop(0);
	return nullptr;
}

static void cancelled_in_a_wait()
{
	pthread_t thread;
	void *result;
	pthread_create(&thread, nullptr, waits_for_ever, nullptr);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	CHECK(result == PTHREAD_CANCELED);
	CHECK(cleaned != 1); // both, or it had not begun
	CHECK(pthread_mutex_lock(&held) == 0);
}

static void memory_that_is_not_there()
{
	try {
		std::vector<char> much(static_cast<std::size_t>(-1) / 4);
		CHECK(false);
	} catch (const std::bad_alloc &) {
	}
}

int main()
{
	once_throws_first();
	queue_of_one();
	readers_and_writers();
	cancelled_in_a_wait();
	memory_that_is_not_there();
	std::puts(failures ? "failed" : "ok");
}
