#!/bin/sh
# Runwire: this script, followed by a gzipped tar with Deno and the program.
# It unpacks them once into a cache folder; RUNWIRE_CACHE overrides the folder.
set -eu
id=@ID@

fail() {
  echo "runwire: $1" >&2
  exit 1
}

payload() {
  tail -c +@OFFSET@ "$0"
}

is_unpacked() {
  [ -x "$1/$id/deno" ] && [ -f "$1/$id/app.js" ]
}

# Moves each file into place with a rename, Deno last. An unpacked folder is therefore complete, and concurrent starts
# do not interfere.
unpack() {
  mkdir -p "$1/$id" 2>/dev/null && part=$(mktemp -d "$1/$id/part.XXXXXX" 2>/dev/null) || return 1
  trap 'rm -rf "$part"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  payload | { gzip -dc || : >"$part/broken"; } 2>/dev/null | tar -xof - -C "$part" 2>/dev/null &&
    [ ! -e "$part/broken" ] &&
    mv -f "$part/app.js" "$1/$id/app.js" &&
    mv -f "$part/deno" "$1/$id/deno" || :
  rm -rf "$part"
  trap - EXIT HUP INT TERM
  is_unpacked "$1" && return
  payload | gzip -t 2>/dev/null || fail "This file is damaged, $0: download it again"
  return 1
}

# Never uses a folder that other users can write to: they could replace the program.
own_temporary_folder() {
  own="${TMPDIR:-/tmp}/runwire-$(id -u)"
  mkdir -m 700 "$own" 2>/dev/null || :
  [ -d "$own" ] && [ ! -L "$own" ] && [ -O "$own" ] && echo "$own"
}

expected="a writable folder that allows executables, with 100 MB free"
if [ -n "${RUNWIRE_CACHE:-}" ]; then
  cache=$RUNWIRE_CACHE
  is_unpacked "$cache" || unpack "$cache" ||
    fail "Invalid RUNWIRE_CACHE \"$cache\": expected $expected"
else
  home=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  cache=${home:+$home/runwire}
  if [ -z "$cache" ] || ! { is_unpacked "$cache" || unpack "$cache"; }; then
    tried=${cache:-the home folder (HOME is not set)}
    cache=$(own_temporary_folder) && { is_unpacked "$cache" || unpack "$cache"; } ||
      fail "Cannot unpack into $tried or a temporary folder: set RUNWIRE_CACHE to $expected"
    echo "runwire: Cannot unpack into $tried: using $cache; set RUNWIRE_CACHE to use another folder" >&2
  fi
fi

# Keeps Deno from reading package settings of the user or the current folder.
export HOME="$cache/$id" DENO_DIR="$cache/$id/cache" DENO_NO_PACKAGE_JSON=1 DENO_NO_UPDATE_CHECK=1
exec "$cache/$id/deno" run --quiet --no-config --no-lock --no-remote --no-npm --cached-only \
  @PERMISSIONS@ "$cache/$id/app.js" "$@"
