// Stands before the C library of a test's process, and has calls on files of a spool fail as a file of orders says.
//
// An order is a line "call fault", or "call fault file" for files of whose path that is a part: the call by its name;
// the fault by the number of an error, or
//   short        writes a few bytes only
//   interrupted  fails every second time with EINTR
//   half         writes the half, and fails the next time with EIO
//   once         fails once with EIO, and what was not synced before is lost, as on a kernel that drops the pages;
//                then all orders are void
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long synced[4096];
static int times;

// The path of the last call.
static __thread char path[4096];

static int is_of_spool(int fd) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long len = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (len < 0) return 0;
    path[len] = 0;
    return strstr(path, "/spool") != NULL;
}

// The fault ordered for a call; 0 if there is none.
static int ordered(const char *call, char *fault) {
    const char *name = getenv("MOLTBOT_AUDIT_FAULTS");
    if (!name) return 0;
    int file = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) return 0;
    char orders[1024];
    long len = syscall(SYS_read, file, orders, sizeof orders - 1);
    syscall(SYS_close, file);
    if (len <= 0) return 0;
    orders[len] = 0;
    char *rest = NULL;
    for (char *line = strtok_r(orders, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char of[1024], part[1024] = "";
        if (sscanf(line, "%1023s %1023s %1023s", of, fault, part) >= 2 && strcmp(of, call) == 0
            && strstr(path, part))
            return 1;
    }
    return 0;
}

static int failing(const char *call, int is_ours) {
    char fault[1024];
    if (!is_ours || !ordered(call, fault)) return 0;
    if (strcmp(fault, "interrupted") == 0) {
        if (++times % 2) return 0;
        errno = EINTR;
        return 1;
    }
    errno = atoi(fault);
    return errno != 0;
}

#define WRITE(len) syscall(SYS_write, fd, bytes, len)
#define READ(len) syscall(SYS_read, fd, bytes, len)

ssize_t write(int fd, const void *bytes, size_t len) {
    char fault[1024];
    if (len > 0 && is_of_spool(fd) && ordered("write", fault)) {
        if (strcmp(fault, "short") == 0) return WRITE(1 + len % 7 % len);
        if (strcmp(fault, "half") == 0) {
            if (++times % 2) return WRITE(len / 2 + 1);
            errno = EIO;
            return -1;
        }
        if (failing("write", 1)) return -1;
    }
    return WRITE(len);
}

ssize_t read(int fd, void *bytes, size_t len) {
    char fault[1024];
    if (len > 0 && is_of_spool(fd) && ordered("read", fault)) {
        if (strcmp(fault, "short") == 0) return READ(1 + len % 7 % len);
        if (failing("read", 1)) return -1;
    }
    return READ(len);
}

int fdatasync(int fd) {
    char fault[1024];
    struct stat at;
    if (!is_of_spool(fd)) return syscall(SYS_fdatasync, fd);
    if (ordered("fdatasync", fault) && strcmp(fault, "once") == 0) {
        syscall(SYS_unlinkat, AT_FDCWD, getenv("MOLTBOT_AUDIT_FAULTS"), 0);
        fstat(fd, &at);
        for (long place = fd < 4096 ? synced[fd] : at.st_size; place < at.st_size; place++)
            syscall(SYS_pwrite64, fd, "", 1, place);
        errno = EIO;
        return -1;
    }
    if (failing("fdatasync", 1)) return -1;
    int done = syscall(SYS_fdatasync, fd);
    if (done == 0 && fd < 4096 && fstat(fd, &at) == 0) synced[fd] = at.st_size;
    return done;
}

int fsync(int fd) {
    return failing("fsync", is_of_spool(fd)) ? -1 : syscall(SYS_fsync, fd);
}

static int truncated(int fd, off_t len) {
    return failing("ftruncate", is_of_spool(fd)) ? -1 : syscall(SYS_ftruncate, fd, len);
}
int ftruncate(int fd, off_t len) { return truncated(fd, len); }
int ftruncate64(int fd, off_t len) { return truncated(fd, len); }

static int opened(int folder, const char *path, int flags, mode_t mode) {
    int is_ours = strstr(path, "/spool") != NULL && (flags & O_ACCMODE) != O_RDONLY;
    if (failing("open", is_ours)) return -1;
    int fd = syscall(SYS_openat, folder, path, flags, mode);
    struct stat at;
    if (fd >= 0 && fd < 4096 && fstat(fd, &at) == 0) synced[fd] = at.st_size;
    return fd;
}
#define OPENED(folder) \
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
    return opened(folder, path, flags, mode)
int open(const char *path, int flags, ...) { OPENED(AT_FDCWD); }
int open64(const char *path, int flags, ...) { OPENED(AT_FDCWD); }
int openat(int folder, const char *path, int flags, ...) { OPENED(folder); }
int openat64(int folder, const char *path, int flags, ...) { OPENED(folder); }

int rename(const char *from, const char *to) {
    return failing("rename", strstr(from, "/spool") != NULL) ? -1 : syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    return failing("link", strstr(from, "/spool") != NULL) ? -1
        : syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) {
    int is_there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    return failing("unlink", is_there && strstr(path, "/spool") != NULL) ? -1 : syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
