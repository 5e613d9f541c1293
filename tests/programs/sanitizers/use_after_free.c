/* ASan: memory is read after its end, in a function that another one called. */
#include <stdlib.h>

static int *make(void)
{
    int *numbers = malloc(10 * sizeof *numbers);
    numbers[2] = 5;
    return numbers;
}

int main(void)
{
    int *volatile numbers = make();
    free(numbers);
    return numbers[2];
}
