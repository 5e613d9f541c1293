/* random_device.c: std::random_device draws from getrandom.
 *
 * libstdc++ draws from the CPU (rdseed, rdrand) where it can, which no trap sees. Here it draws from
 * getrandom, whatever source its token names, on every CPU alike. A libstdc++ that is linked into
 * the program statically keeps its own (libc++ reads /dev/urandom and needs nothing from us).
 */
#include <asm/errno.h>
#include <asm/unistd_64.h>

#include "preload.h"

#define ENTROPY_BITS 32.0 /* of each draw: what libstdc++ says of rdrand */

struct random_device {
    void *file; /* libstdc++'s first member; 0: nothing to close */
};

/* libstdc++'s own, there whenever somebody calls us; bound at the first call, so it costs nothing
 * in a program without it. */
extern void throw_runtime_error(const char *what) __asm__("_ZSt21__throw_runtime_errorPKc")
    __attribute__((weak, noreturn));

static int equal(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return *a == *b;
}

/* The tokens that some libstdc++ takes on this machine. Any other one is the program's error, and
 * must be that here too. */
static int is_known_token(const char *token)
{
    static const char known[][16] = {
        "default", "rdseed", "rdrand", "rdrnd", "hw", "hardware",
        "getentropy", "arc4random", "/dev/random", "/dev/urandom",
    };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (equal(token, known[i]))
            return 1;
    return 0;
}

/* std::string of either ABI begins with a pointer to its characters, NUL-terminated. */
void random_device_init(struct random_device *self, const char *const *token)
    EXPORT_AS("_ZNSt13random_device7_M_initERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE");
void random_device_init(struct random_device *self, const char *const *token)
{
    if (!is_known_token(*token))
        throw_runtime_error("random_device::random_device(const std::string&): unsupported token");
    self->file = 0;
}

void random_device_init_old(struct random_device *self, const char *const *token)
    EXPORT_AS("_ZNSt13random_device7_M_initERKSs");
void random_device_init_old(struct random_device *self, const char *const *token)
{
    random_device_init(self, token);
}

void random_device_fini(struct random_device *self) EXPORT_AS("_ZNSt13random_device7_M_finiEv");
void random_device_fini(struct random_device *self)
{
    self->file = 0;
}

unsigned random_device_getval(struct random_device *self) EXPORT_AS("_ZNSt13random_device9_M_getvalEv");
unsigned random_device_getval(struct random_device *self)
{
    unsigned value = 0;
    long got;
    (void)self;
    do
        got = raw3(__NR_getrandom, (unsigned long)&value, sizeof value, 0);
    while (got == -EINTR);
    if (got != sizeof value)
        throw_runtime_error("random_device could not be read");
    return value;
}

double random_device_getentropy(const struct random_device *self)
    EXPORT_AS("_ZNKSt13random_device13_M_getentropyEv");
double random_device_getentropy(const struct random_device *self)
{
    (void)self;
    return ENTROPY_BITS;
}
