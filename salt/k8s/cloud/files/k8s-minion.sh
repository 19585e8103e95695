#!/bin/sh
# Deploy script for a template with the Salt minion installed: gives a new VM its identity and starts the minion.
# Salt Cloud runs it as root from the folder into which it copied minion, minion.pem, minion.pub and perhaps grains.
# The master accepted the key before the VM existed, so nobody has to accept it manually.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

command -v salt-minion >/dev/null || {
    echo "no salt-minion in $PATH: install it in the template" >&2
    exit 1
}

# a minion that the template started has another identity, which must not connect
systemctl stop salt-minion 2>/dev/null || true
rm -rf /etc/salt/minion_id /etc/salt/pki/minion

install -d -m 755 /etc/salt
install -d -m 700 /etc/salt/pki /etc/salt/pki/minion
install -m 400 "$here/minion.pem" /etc/salt/pki/minion/minion.pem
install -m 644 "$here/minion.pub" /etc/salt/pki/minion/minion.pub
install -m 640 "$here/minion" /etc/salt/minion
[ ! -f "$here/grains" ] || install -m 644 "$here/grains" /etc/salt/grains

systemctl enable salt-minion
systemctl start salt-minion
