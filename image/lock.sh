# What Debian gave against image/packages.lock, and the kept trees. Read by make.sh.

# The scripts that make a tree, and the lock: a change of either makes new trees.
trees() {
  [ "$FRESH" = no ] || rm -rf "$KEEP"/{tools,base,root}*
  local key
  key=$(tree_key)
  TOOLS=$KEEP/tools BASE=$KEEP/base.tar
  if [ "$(cat "$KEEP/key" 2>/dev/null)" != "$key" ] || [ ! -d "$TOOLS" ] || [ ! -e "$BASE" ]; then
    rm -rf "$KEEP/key" "$TOOLS" "$BASE"
    step "Debian: the tools"
    tools_tree "$TOOLS"
    step "Debian: the base of the box"
    base_tree "$BASE"
    echo "$key" >"$KEEP/key"
  else
    step "Debian: as kept in $KEEP"
  fi
  cat "$TOOLS.lock" "$BASE.lock" >"$OUT/packages.lock"
}

tree_key() { { cat image/trees.sh image/wanted.txt image/users/* "$LOCK" 2>/dev/null || :; } | sha256sum | cut -c1-64; }

compare_lock() {
  if [ "$UPDATE" = yes ]; then
    cp "$OUT/packages.lock" "$LOCK"
    tree_key >"$KEEP/key"
    say "$LOCK names what this build is made of: $(wc -l <"$LOCK") packages"
    return
  fi
  local changes
  changes=$(drift "$LOCK" "$OUT/packages.lock")
  [ -n "$changes" ] || { say "all $(wc -l <"$LOCK") packages are those of $LOCK"; return; }
  say "Debian is not as $LOCK says ($(wc -l <<<"$changes") packages); --update-lock accepts it:"
  head -n 40 <<<"$changes" >&2
  [ "$RELEASE" = no ] || { say "a release is made of what the lock names, or not at all."; exit 3; }
}

# Lines "tree package: old → new" of two locks.
drift() {
  awk -v OFS='' '
    FILENAME == ARGV[1] { old[$1 " " $2 ":" $4] = $3; hash[$1 " " $2 ":" $4] = $5; next }
    { key = $1 " " $2 ":" $4; seen[key] = 1 }
    !(key in old) { print "  ", key, ": new, ", $3; next }
    old[key] != $3 { print "  ", key, ": ", old[key], " → ", $3; next }
    hash[key] != $5 { print "  ", key, ": ", $3, " with other bytes" }
    END { for (key in old) if (!(key in seen)) print "  ", key, ": gone, ", old[key] }' "$1" "$2"
}
