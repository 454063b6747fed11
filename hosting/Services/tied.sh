# Runs a server that lives no longer than whoever holds the other end of standard input, even if that one is killed with -9.
#   tied.sh USER LOG TEMPORARY END COMMAND...
# USER: whom the server runs as, '' for the caller. TEMPORARY: a folder to delete if the holder vanished, '' for none.
# END: signal for the server when the holder has vanished. Prints the server's process id; each line of standard input is the name of
# a signal to send to the server. Ends with the server's exit code.
user=$1 log=$2 temporary=$3 end=$4
shift 4
exec 3<&0
if [ -n "$user" ]; then set -- setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"; fi
"$@" 3<&- </dev/null >>"$log" 2>&1 &
server=$!
echo "$server"
exec >/dev/null 2>&1
(
  while read -r order <&3; do kill -"$order" "$server" 2>/dev/null; done
  # From here on it is not to be ended by the one below, who would not learn then that the holder has vanished.
  trap '' TERM
  kill -"$end" "$server" 2>/dev/null
  # A stopped server takes no signal but these two.
  kill -CONT "$server" 2>/dev/null
  exit 7
) &
watcher=$!
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
wait "$watcher"
if [ $? -eq 7 ] && [ -n "$temporary" ]; then rm -rf -- "$temporary"; fi
exit "$code"
