/* A slow disk for whoever loads this (LD_PRELOAD): each fsync and fdatasync first waits as many milliseconds as the file
 * that ATHANOR_SLOW_DISK names says. Without the file, or with nothing in it, nothing is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char control[4096];

/* Kept now: a server may move its environment to show a title. */
__attribute__((constructor)) static void remember(void)
{
    const char *name = getenv("ATHANOR_SLOW_DISK");
    if (name != NULL && strlen(name) < sizeof control) strcpy(control, name);
}

static void wait_first(void)
{
    char text[16] = "";
    if (control[0] == 0) return;
    int before = errno;
    int fd = open(control, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
    {
        if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
        close(fd);
    }
    long ms = atol(text);
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };
    while (ms > 0 && nanosleep(&left, &left) < 0 && errno == EINTR) {}
    errno = before;
}

int fsync(int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_first();
    return next(fd);
}

int fdatasync(int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_first();
    return next(fd);
}
