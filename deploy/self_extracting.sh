#!/bin/sh
# Runwire: this script, and after its last line Deno and the program in a gzipped tar.
# They are unpacked once, into a cache folder; RUNWIRE_CACHE names another one.
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

# Each file comes into its place whole, by a rename, and Deno comes last: what is there is complete, and two that
# unpack at the same time do each other no harm.
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
  payload | gzip -t 2>/dev/null || fail "This file is damaged, $0: get it again"
  return 1
}

# A folder that others may write to is never used: they could put another program there.
own_temporary_folder() {
  own="${TMPDIR:-/tmp}/runwire-$(id -u)"
  mkdir -m 700 "$own" 2>/dev/null || :
  [ -d "$own" ] && [ ! -L "$own" ] && [ -O "$own" ] && echo "$own"
}

allowed="a folder to write to and to run programs from, with 100 MB free"
if [ -n "${RUNWIRE_CACHE:-}" ]; then
  cache=$RUNWIRE_CACHE
  is_unpacked "$cache" || unpack "$cache" ||
    fail "Cannot unpack into RUNWIRE_CACHE=\"$cache\": allowed is $allowed"
else
  home=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  cache=${home:+$home/runwire}
  if [ -z "$cache" ] || ! { is_unpacked "$cache" || unpack "$cache"; }; then
    tried=${cache:-the home folder (HOME is not set)}
    cache=$(own_temporary_folder) && { is_unpacked "$cache" || unpack "$cache"; } ||
      fail "Cannot unpack into $tried or a temporary folder: set RUNWIRE_CACHE to $allowed"
    echo "runwire: Cannot unpack into $tried: using $cache, RUNWIRE_CACHE would name another" >&2
  fi
fi

# Deno would read the package settings of the user and of the folder it is started in.
export HOME="$cache/$id" DENO_DIR="$cache/$id/cache" DENO_NO_PACKAGE_JSON=1 DENO_NO_UPDATE_CHECK=1
exec "$cache/$id/deno" run --quiet --no-config --no-lock --no-remote --no-npm --cached-only \
  @PERMISSIONS@ "$cache/$id/app.js" "$@"
