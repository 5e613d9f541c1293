/* Addresses of a local, the heap, the program, libc, the vDSO's caller, and a mapping. */
#include "check.h"
#include <sys/auxv.h>
#include <sys/mman.h>

int main(void)
{
    int local;
    printf("%p %p %p %p %p %p\n", (void *)&local, malloc(100), (void *)main, (void *)printf,
           mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), sbrk(0));
    return 0;
}
