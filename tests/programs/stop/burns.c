/* burns.c: computes for about a second between two writes. For a test that presses Ctrl-C meanwhile. */
#include <unistd.h>

int main(void)
{
    volatile unsigned long n = 0;
    write(1, "burning\n", 8);
    while (n < 700000000ul)
        n++;
    write(1, "burnt\n", 6);
    return 0;
}
