// std::async, futures, promises, jthread-like joins, condition variables.
#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

static long sum(const std::vector<int> &v, size_t from, size_t to)
{
    if (to - from < 2000)
        return std::accumulate(v.begin() + (long)from, v.begin() + (long)to, 0L);
    size_t middle = (from + to) / 2;
    auto left = std::async(std::launch::async, sum, std::cref(v), from, middle);
    long right = sum(v, middle, to);
    return left.get() + right;
}

int main()
{
    std::vector<int> v(30000);
    std::iota(v.begin(), v.end(), 0);
    std::promise<int> promise;
    std::mutex lock;
    std::condition_variable cond;
    std::vector<int> order;
    std::vector<std::thread> threads;
    auto shared = promise.get_future().share();
    for (int i = 0; i < 6; i++)
        threads.emplace_back([&, i] {
            int base = shared.get();
            std::this_thread::sleep_for(std::chrono::milliseconds(i * 7 % 5));
            std::unique_lock<std::mutex> held(lock);
            order.push_back(base + i);
            cond.notify_one();
        });
    promise.set_value(10);
    {
        std::unique_lock<std::mutex> held(lock);
        if (!cond.wait_for(held, std::chrono::minutes(5), [&] { return order.size() == 6; }))
            return 1;
    }
    for (auto &t : threads)
        t.join();
    std::cout << sum(v, 0, v.size());
    for (int n : order)
        std::cout << ' ' << n;
    std::cout << '\n';
    return sum(v, 0, v.size()) == 29999L * 15000 ? 0 : 1;
}
