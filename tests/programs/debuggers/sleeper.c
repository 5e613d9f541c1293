/* Sleeps, and then exits with a number that a debugger may have changed. */
#include <unistd.h>

static volatile int answer = 5;

int main(void)
{
    sleep(2);
    return answer;
}
