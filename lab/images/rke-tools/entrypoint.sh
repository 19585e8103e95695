#!/bin/bash
# Runs in the hyperkube container, from the volume of the service-sidekick: entrypoint.sh COMPONENT FLAGS...
tools=/opt/rke-tools
component=$1
shift

# The kubelet wants these kernel-wide settings. They belong to the machine under the nodes, which the lab leaves as it
# is: the kubelet is shown the values that it wants.
show_sysctls() {
  local pair file value
  for pair in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=/proc/sys/${pair%=*}
    [ "$(cat "$file" 2>/dev/null)" = "${pair#*=}" ] && continue
    value=$(mktemp)
    echo "${pair#*=}" > "$value"
    mount --bind "$value" "$file"
  done
}

# Docker needs a shim to be a container runtime for the kubelet: cri-dockerd beside it, restarted when it leaves.
start_cri_dockerd() {
  local endpoint=unix:///var/run/cri-dockerd.sock pause= argument socket
  for argument in "$@"; do
    case $argument in
    --pod-infra-container-image=*) pause=${argument#*=} ;;
    --container-runtime-endpoint=*) endpoint=${argument#*=} ;;
    esac
  done
  local command=("$tools/bin/cri-dockerd" "--container-runtime-endpoint=$endpoint" --network-plugin=cni
    --cni-bin-dir=/opt/cni/bin --cni-conf-dir=/etc/cni/net.d --cri-dockerd-root-directory=/var/lib/cri-dockerd
    --hairpin-mode=hairpin-veth)
  [ -n "$pause" ] && command+=("--pod-infra-container-image=$pause")
  [ "$RKE_KUBELET_CRIDOCKERD_DUALSTACK" = true ] && command+=(--ipv6-dual-stack)
  if [ -n "$CRIDOCKERD_STREAM_SERVER_ADDRESS" ]; then
    command+=("--streaming-bind-addr=$CRIDOCKERD_STREAM_SERVER_ADDRESS:${CRIDOCKERD_STREAM_SERVER_PORT:-10010}")
  fi
  socket=${endpoint#unix://}
  rm -f "$socket" # one left by a kubelet before this one would be taken for ready
  (while :; do
    "${command[@]}"
    echo "cri-dockerd left with $?; again in 1 s"
    sleep 1
  done) &
  for _ in $(seq 120); do
    [ -S "$socket" ] && return
    sleep 0.5
  done
}

case $component in
kubelet)
  [ -d /host/dev ] && mount --rbind /host/dev /dev # devices of the node, not of this container
  for controller in /sys/fs/cgroup/*/; do mkdir -p "${controller}kubepods" 2>/dev/null; done
  show_sysctls
  if [ -n "$RKE_KUBELET_DOCKER_CONFIG" ] && [ -n "$RKE_KUBELET_DOCKER_FILE" ]; then
    mkdir -p "$(dirname "$RKE_KUBELET_DOCKER_FILE")"
    (umask 077 && base64 -d <<<"$RKE_KUBELET_DOCKER_CONFIG" > "$RKE_KUBELET_DOCKER_FILE")
  fi
  extra=()
  case " $* " in
  *" --cgroup-driver="*) ;;
  *) extra+=("--cgroup-driver=$(curl -s --unix-socket /var/run/docker.sock http://docker/info | jq -r .CgroupDriver)") ;;
  esac
  [ "$RKE_KUBELET_CRIDOCKERD" = true ] && start_cri_dockerd "$@"
  exec kubelet "$@" "${extra[@]}"
  ;;
kube-proxy)
  [ "$RKE_KUBE_PROXY_BR_NETFILTER" = true ] && modprobe br_netfilter 2>/dev/null
  exec kube-proxy "$@"
  ;;
*) exec "$component" "$@" ;;
esac
