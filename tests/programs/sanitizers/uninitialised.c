/* MSan: a branch on memory that nobody has written. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int *volatile block = malloc(4 * sizeof *block);
    block[0] = 1;
    if (block[2])
        puts("set");
    puts("end");
    free(block);
    return 0;
}
