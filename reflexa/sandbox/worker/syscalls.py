"""System-call numbers of the calls that sandboxed Python may make, per architecture.

Source: Linux ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``.
Everything that is not listed is refused, so a table that lacks a call is only stricter.
"""

from __future__ import annotations

import platform
from typing import NamedTuple


class Architecture(NamedTuple):
    """``audit`` is the AUDIT_ARCH constant that seccomp reports; ``numbers`` maps call names to numbers."""

    audit: int
    numbers: dict[str, int]


def _table(text: str) -> dict[str, int]:
    return {name: int(number) for name, number in (word.split("=") for word in text.split())}


_X86_64 = _table(
    """
    read=0 write=1 readv=19 writev=20 pread64=17 pwrite64=18 close=3 close_range=436 lseek=8 open=2
    openat=257 readlink=89 readlinkat=267 stat=4 fstat=5 lstat=6 newfstatat=262 statx=332 access=21
    faccessat=269 faccessat2=439 getdents64=217 getcwd=79 chdir=80 fchdir=81 umask=95 dup=32 dup2=33
    dup3=292 fcntl=72 ioctl=16 pipe=22 pipe2=293 eventfd2=290 select=23 pselect6=270 poll=7 ppoll=271
    epoll_create1=291 epoll_ctl=233 epoll_wait=232 epoll_pwait=281 epoll_pwait2=441 socketpair=53 sendto=44
    recvfrom=45 getsockopt=55 shutdown=48 mmap=9 mprotect=10 munmap=11 mremap=25 madvise=28 brk=12
    mincore=27 membarrier=324 futex=202 futex_waitv=449 set_robust_list=273 get_robust_list=274
    set_tid_address=218 rseq=334 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 rt_sigpending=127
    rt_sigtimedwait=128 rt_sigsuspend=130 sigaltstack=131 restart_syscall=219 pause=34 alarm=37 setitimer=38
    getitimer=36 nanosleep=35 clock_nanosleep=230 clock_gettime=228 clock_getres=229 gettimeofday=96
    time=201 times=100 getrusage=98 getrlimit=97 setrlimit=160 prlimit64=302 sysinfo=99 uname=63
    getrandom=318 getpid=39 getppid=110 gettid=186 getpgrp=111 getpgid=121 getsid=124 getuid=102 geteuid=107
    getgid=104 getegid=108 getresuid=118 getresgid=120 getgroups=115 getpriority=140 sched_yield=24
    sched_getaffinity=204 sched_getparam=143 sched_getscheduler=145 sched_get_priority_max=146
    sched_get_priority_min=147 exit=60 exit_group=231 kill=62 tgkill=234 prctl=157 clone=56 getcpu=309
    wait4=61 waitid=247 recvmsg=47 sendmsg=46 seccomp=317 clone3=435 openat2=437 fstatfs=138 statfs=137
    """
)
_AARCH64 = _table(
    """
    read=63 write=64 readv=65 writev=66 pread64=67 pwrite64=68 close=57 close_range=436 lseek=62 openat=56
    readlinkat=78 fstat=80 newfstatat=79 statx=291 faccessat=48 faccessat2=439 getdents64=61 getcwd=17
    chdir=49 fchdir=50 umask=166 dup=23 dup3=24 fcntl=25 ioctl=29 pipe2=59 eventfd2=19 pselect6=72 ppoll=73
    epoll_create1=20 epoll_ctl=21 epoll_pwait=22 epoll_pwait2=441 socketpair=199 sendto=206 recvfrom=207
    getsockopt=209 shutdown=210 mmap=222 mprotect=226 munmap=215 mremap=216 madvise=233 brk=214 mincore=232
    membarrier=283 futex=98 futex_waitv=449 set_robust_list=99 get_robust_list=100 set_tid_address=96
    rseq=293 rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139 rt_sigpending=136 rt_sigtimedwait=137
    rt_sigsuspend=133 sigaltstack=132 restart_syscall=128 setitimer=103 getitimer=102 nanosleep=101
    clock_nanosleep=115 clock_gettime=113 clock_getres=114 gettimeofday=169 times=153 getrusage=165
    getrlimit=163 setrlimit=164 prlimit64=261 sysinfo=179 uname=160 getrandom=278 getpid=172 getppid=173
    gettid=178 getpgid=155 getsid=156 getuid=174 geteuid=175 getgid=176 getegid=177 getresuid=148
    getresgid=150 getgroups=158 getpriority=141 sched_yield=124 sched_getaffinity=123 sched_getparam=121
    sched_getscheduler=120 sched_get_priority_max=125 sched_get_priority_min=126 exit=93 exit_group=94
    kill=129 tgkill=131 prctl=167 clone=220 getcpu=168 wait4=260 waitid=95 recvmsg=212 sendmsg=211
    seccomp=277 clone3=435 openat2=437 fstatfs=44 statfs=43
    """
)

ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, _X86_64),
    "aarch64": Architecture(0xC00000B7, _AARCH64),
}


def this_machine() -> Architecture:
    """The running machine's table. Raises ``OSError`` where there is none."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise OSError(f"no system-call table for {machine!r}; known: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[machine]
