/* faults_acts.c: what fault rules do besides the call's outcome. */
#include "faults.h"

void faults_entry_acts(struct faulting *f)
{
    for (u32 i = 0; i < f->count; i++)
        if (f->firings[i].overruled)
            faults_record(f, &f->firings[i]);
}

void faults_exit_acts(struct faulting *f)
{
    for (u32 i = 0; i < f->count; i++)
        if (f->firings[i].did)
            faults_record(f, &f->firings[i]);
}
