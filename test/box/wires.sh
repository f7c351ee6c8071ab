#!/bin/bash
# An outside (10.9.1.2) and an inside (10.9.2.2), the box between them as their gateway. Both directions of the outer port
# are copied to the capture port cap0, as a switch does. A house and a street have one network and no wire between them, but two
# ports of the box.
set -eu
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
wire() { # NAME PORT GATEWAY HOST
  ip netns add "$1"
  ip link add "$2" type veth peer name eth0 netns "$1"
  ip address add "$3/24" dev "$2"
  ip link set "$2" up
  ip -n "$1" address add "$4/24" dev eth0
  ip -n "$1" link set eth0 up
  ip -n "$1" link set lo up
  ip -n "$1" route add default via "$3"
}
end() { # NAME PORT ADDRESS...: of a wire that ends at the box's port
  ip netns add "$1"
  ip link add "$2" type veth peer name eth0 netns "$1"
  for address in "${@:3}"; do ip -n "$1" address add "$address" dev eth0; done
  ip -n "$1" link set eth0 up
  ip -n "$1" link set lo up
}
end street street0 10.8.0.66/16 10.8.0.67/16
end house house0 10.8.1.20/16
wire outside wan0 10.9.1.1 10.9.1.2
wire inside lan0 10.9.2.1 10.9.2.2
ip link add copy0 type veth peer name cap0
ip link set copy0 up
ip link set cap0 up
nft -f - <<'END'
table netdev copy {
  chain received { type filter hook ingress device "wan0" priority -500; dup to "copy0"; }
  chain sent { type filter hook egress device "wan0" priority -500; dup to "copy0"; }
}
END
