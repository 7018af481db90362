/* Preloaded into a child process: writes down, in order, what it does to the files of one folder.
 *
 * DISK_JOURNAL  the journal to append to
 * DISK_FOLDER   only files below this folder are of interest
 * DISK_FAULT    a file; while it exists, its first letter says what fails on a write-ahead log:
 *               'W' writing (no space left), 'S' syncing (input/output error)
 *
 * A record is: one letter (W write, T truncate, S synced, U unlinked), then length of the path, offset and
 * length of the data as 64-bit numbers in the machine's order, then the path, then the data of a W.
 * A sync is recorded when it has returned; a write to a file of acknowledgements, before it is made.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;

static int ends_with(const char *path, const char *end) {
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

static int is_of_interest(const char *path) {
    const char *folder = getenv("DISK_FOLDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0 &&
           (ends_with(path, ".db") || ends_with(path, ".db-wal") || ends_with(path, ".db-journal") ||
            ends_with(path, ".acks"));
}

static int path_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, size - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return is_of_interest(path);
}

static void record(char op, const char *path, uint64_t offset, const void *data, uint64_t size) {
    uint64_t head[3] = {strlen(path), offset, size};
    struct iovec parts[4] = {{&op, 1}, {head, sizeof head}, {(void *)path, head[0]}, {(void *)data, data ? size : 0}};
    pthread_mutex_lock(&lock);
    if (journal < 0) journal = open(getenv("DISK_JOURNAL"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0 || writev(journal, parts, 4) < 0) _exit(97);
    pthread_mutex_unlock(&lock);
}

static char fault(const char *path) {
    const char *name = getenv("DISK_FAULT");
    char letter = 0;
    if (!name || !ends_with(path, "-wal")) return 0;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    if (read(fd, &letter, 1) != 1) letter = 0;
    close(fd);
    return letter;
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset, int is_positioned) {
    char path[4096];
    if (!path_of(fd, path, sizeof path))
        return is_positioned ? syscall(SYS_pwrite64, fd, data, size, offset) : syscall(SYS_write, fd, data, size);
    if (fault(path) == 'W') { errno = ENOSPC; return -1; }
    if (!is_positioned) offset = lseek(fd, 0, SEEK_CUR);
    if (ends_with(path, ".acks")) record('W', path, offset, data, size);
    ssize_t done = is_positioned ? syscall(SYS_pwrite64, fd, data, size, offset) : syscall(SYS_write, fd, data, size);
    if (done > 0 && !ends_with(path, ".acks")) record('W', path, offset, data, done);
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return write_at(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return write_at(fd, data, size, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return write_at(fd, data, size, offset, 1); }

static int truncate_to(int fd, off_t size) {
    char path[4096];
    int done = syscall(SYS_ftruncate, fd, size);
    if (done == 0 && path_of(fd, path, sizeof path)) record('T', path, size, NULL, 0);
    return done;
}
int ftruncate(int fd, off_t size) { return truncate_to(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncate_to(fd, size); }

static int sync_file(int fd, long call) {
    char path[4096];
    int is_ours = path_of(fd, path, sizeof path);
    if (is_ours && fault(path) == 'S') { errno = EIO; return -1; }
    int done = syscall(call, fd);
    if (done == 0 && is_ours) record('S', path, 0, NULL, 0);
    return done;
}
int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int unlink(const char *path) {
    int done = syscall(SYS_unlink, path);
    if (done == 0 && is_of_interest(path)) record('U', path, 0, NULL, 0);
    return done;
}
