/* OpenMP: a parallel loop with a reduction, critical sections, tasks. */
#include <omp.h>
#include <stdio.h>

static long fibonacci(int n)
{
    long a, b;
    if (n < 2)
        return n;
#pragma omp task shared(a) if (n > 8)
    a = fibonacci(n - 1);
    b = fibonacci(n - 2);
#pragma omp taskwait
    return a + b;
}

int main(void)
{
    double sum = 0;
    long value = 0;
    int order[400], count = 0;
    omp_set_num_threads(4);
#pragma omp parallel for schedule(dynamic, 5) reduction(+ : sum)
    for (int i = 0; i < 400; i++) {
        sum += 1.0 / (i + 1);
#pragma omp critical
        order[count++] = i * 10 + omp_get_thread_num();
    }
#pragma omp parallel
#pragma omp single
    value = fibonacci(16);
    printf("%.10f %ld %d", sum, value, count);
    for (int i = 0; i < 400; i += 40)
        printf(" %d", order[i]);
    puts("");
    return !(value == 987 && count == 400);
}
