#!/usr/bin/env bash
# image-rootfs.sh DIR PROGRAM [scratch]: puts into DIR what the Dockerfile copies: the program, a home and a user. With
# scratch also git with what it links to, a shell and CA certificates, from this machine's Debian packages, so that the image
# needs no base. The same input gives the same files, times included.
set -euo pipefail
dir=$1 program=$2 base=${3:-}

rm -rf "$dir"
mkdir -p "$dir"/{usr/bin,home/weighlock,tmp}
install -m 0755 "$program" "$dir/usr/bin/weighlock"
chmod 1777 "$dir/tmp" "$dir/home/weighlock" # whoever a cluster runs it as has caches there

if [ "$base" = scratch ]; then
  mkdir -p "$dir"/{etc/ssl/certs,usr/lib/git-core,usr/share/git-core/templates}
  echo 'weighlock:x:65532:65532:weighlock:/home/weighlock:/nonexistent' >"$dir/etc/passwd"
  echo 'weighlock:x:65532:' >"$dir/etc/group"
  echo 'hosts: files dns' >"$dir/etc/nsswitch.conf"
  cp -L /etc/ssl/certs/ca-certificates.crt "$dir/etc/ssl/certs/"
  cp -L /usr/bin/git "$dir/usr/bin/git"
  cp -L /usr/lib/git-core/git-remote-http "$dir/usr/lib/git-core/"
  ln -s git-remote-http "$dir/usr/lib/git-core/git-remote-https"
  # GitLab's runner runs a job's script by the image's shell, and git what gives it credentials.
  mkdir -p "$dir/bin"
  cp -L "$(command -v busybox)" "$dir/bin/busybox"
  for applet in sh [ basename cat chmod cp cut date dirname echo env expr false find grep head id ln ls mkdir mktemp mv printf pwd rm sed \
    sleep sort stat tail tee test touch tr true uname wc xargs; do ln -s busybox "$dir/bin/$applet"; done
  # Names are resolved, and the loader found, by what links to them.
  { ldd /usr/bin/git /usr/lib/git-core/git-remote-http | awk '/=>/ { print $3 } /ld-linux/ { print $1 }'
    for lib in /lib/*-linux-gnu/libnss_{files,dns}.so.2 /lib/*-linux-gnu/libresolv.so.2; do [ -e "$lib" ] && echo "$lib"; done
  } | grep '^/' | sort -u | while read -r lib; do
    mkdir -p "$dir$(dirname "$lib")"
    cp -L "$lib" "$dir$lib"
  done
fi
find "$dir" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
