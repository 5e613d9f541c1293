/* The JVM: threads, monitors, a queue, a pool, futures, parks with timeouts, and its collector. */
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

public class Threads {
    private static final StringBuilder ORDER = new StringBuilder();

    private static synchronized void note(String who) {
        ORDER.append(who);
    }

    private static void queue() throws InterruptedException {
        BlockingQueue<Integer> numbers = new ArrayBlockingQueue<>(3);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            String name = String.valueOf((char) ('a' + i));
            Thread consumer = new Thread(() -> {
                try {
                    while (numbers.take() >= 0) {
                        note(name);
                    }
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            consumer.start();
            threads.add(consumer);
        }
        for (int i = 0; i < 40; i++) {
            numbers.put(i);
        }
        for (Thread consumer : threads) {
            numbers.put(-1);
        }
        for (Thread consumer : threads) {
            consumer.join();
        }
    }

    private static long pool() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> parts = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            long from = i * 1000L;
            parts.add(pool.submit(() -> {
                long sum = 0;
                for (long n = from; n < from + 1000; n++) {
                    sum += n;
                }
                LockSupport.parkNanos(1_000_000);
                return sum;
            }));
        }
        long sum = 0;
        for (Future<Long> part : parts) {
            sum += part.get();
        }
        pool.shutdown();
        pool.awaitTermination(1, TimeUnit.HOURS);
        return sum;
    }

    private static int garbage() {
        int kept = 0;
        for (int i = 0; i < 200; i++) {
            byte[] block = new byte[1 << 20];
            block[i] = 1;
            kept += block[i];
        }
        System.gc();
        return kept;
    }

    public static void main(String[] args) throws Exception {
        queue();
        long sum = pool();
        int chained = CompletableFuture.supplyAsync(() -> 20).thenApplyAsync(n -> n + 1)
            .thenCombine(CompletableFuture.supplyAsync(() -> 2), (a, b) -> a * b).get();
        Thread.sleep(3_600_000);
        System.out.println(ORDER + " " + sum + " " + chained + " " + garbage());
    }
}
