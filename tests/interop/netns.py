#!/usr/bin/env python3
"""Brings the loopback interface of this network namespace up, then runs the command:  netns.py CMD ARGS...

For `unshare --net`, where there is nothing but a loopback that is down.
"""
import fcntl, os, socket, struct, sys

UP, GET_FLAGS, SET_FLAGS = 1, 0x8913, 0x8914
with socket.socket() as s:
    flags = struct.unpack("16sh", fcntl.ioctl(s, GET_FLAGS, struct.pack("16sh", b"lo", 0))[:18])[1]
    fcntl.ioctl(s, SET_FLAGS, struct.pack("16sh", b"lo", flags | UP))
os.execvp(sys.argv[1], sys.argv[1:])
