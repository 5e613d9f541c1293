/* UBSan: an overflow, a shift, an index, a null pointer's member. */
#include <limits.h>
#include <stdio.h>

static int table[4] = {1, 2, 3, 4};

int main(int argc, char **argv)
{
    int big = INT_MAX, shift = 31 + argc, index = 3 + argc;
    (void)argv;
    big += argc;
    printf("%d\n", big == INT_MIN);
    printf("%d\n", (1 << shift) != 7);
    int *volatile place = &table[index];
    printf("%d\n", place != table);
    return 0;
}
