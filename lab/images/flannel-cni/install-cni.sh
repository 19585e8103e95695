#!/bin/bash
# Put the CNI plugins and the network configuration on the node, then stay, as a DaemonSet's container must.
set -eu
cp -f /opt/cni/bin/* /host/opt/cni/bin/
target=/host/etc/cni/net.d/$CNI_CONF_NAME
# the kubelet reads the folder at any time: the file appears whole or not at all
printf '%s\n' "$CNI_NETWORK_CONFIG" > "/host/etc/cni/net.d/.$CNI_CONF_NAME.new"
mv "/host/etc/cni/net.d/.$CNI_CONF_NAME.new" "$target"
echo "installed $CNI_CONF_NAME"
trap 'exit 0' TERM INT
while :; do sleep 3600 & wait $!; done
