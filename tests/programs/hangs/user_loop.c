/* Waits for a flag that nobody sets, without any system call. */
static volatile int flag, turns;

__attribute__((noinline)) static void wait_for_flag(void)
{
    while (!flag)
        turns++;
}

int main(void)
{
    wait_for_flag();
    return 0;
}
