#!/bin/sh
# A double of Ubuntu's do-release-upgrade(8), which can't be had where the tests run: the same options,
# messages, files and exit statuses (do-release-upgrade and DistUpgradeController in
# ubuntu-release-upgrader). What it installs is the lab's second version, by the real apt-get.
# /etc/lab-upgrader holds how it behaves: "none" or "refuses"; else all goes well.
mode=$(cat /etc/lab-upgrader 2>/dev/null)
logs=/var/log/dist-upgrade check=no frontend=DistUpgradeViewText
while [ $# -gt 0 ]; do
    case $1 in
    -c | --check-dist-upgrade-only) check=yes ;;
    -f) frontend=$2 && shift ;;
    --frontend=*) frontend=${1#*=} ;;
    *)
        echo "do-release-upgrade: error: no such option: $1" >&2
        exit 2
        ;;
    esac
    shift
done
echo 'Checking for a new Ubuntu release'
if [ "$mode" = none ]; then
    echo 'There is no development version of an LTS available.'
    exit 1
fi
if [ "$check" = yes ]; then
    echo "New release '24.04.3 LTS' available."
    echo "Run 'do-release-upgrade' to upgrade to it."
    exit 0
fi
if apt list --upgradable 2>/dev/null | grep -q /; then
    echo 'Please install all available updates for your release before upgrading.'
    exit 1
fi
if [ "$frontend" != DistUpgradeViewNonInteractive ]; then
    echo 'Continue [yN]' && read -r _
    exit 1
fi
if [ -n "${SSH_CONNECTION:-}" ]; then
    echo 'To make recovery in case of failure easier, an additional sshd will be started on port 1022.'
    touch /run/release-upgrader-sshd.pid
fi
if [ -z "${RELEASE_UPGRADER_NO_SCREEN:-}" ]; then touch /run/release-upgrader-screen; fi
mkdir -p "$logs"
say() { echo "$(date '+%Y-%m-%d %H:%M:%S,000') $1 $2" >>"$logs/main.log"; }
say INFO "release-upgrader version '24.04.26' started"
if [ "$mode" = refuses ]; then
    say ERROR "failed to fetch 'noble.tar.gz'"
    echo 'Failed to fetch'
    exit 0
fi
say INFO "Third party sources are disabled"
for file in /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -i 's/^deb .*/# & # disabled on upgrade to noble/' "$file"
done
sed -i 's|/lab v1 |/lab v2 |' /etc/apt/sources.list
NEEDRESTART_SUSPEND=y
export NEEDRESTART_SUSPEND
{ apt-get -q update && apt-get -q -y -o Dpkg::Options::=--force-confold dist-upgrade; } \
    >>"$logs/term.log" 2>&1 || {
    say ERROR 'not all updates could be installed'
    echo 'Upgrade aborted'
    exit 1
}
sleep 4 # as long as the last of its work, which nobody sees
sed -i -e 's/^VERSION_ID=.*/VERSION_ID="24.04"/' -e 's/^VERSION_CODENAME=.*/VERSION_CODENAME=noble/' \
    -e 's/^PRETTY_NAME=.*/PRETTY_NAME="Ubuntu 24.04.3 LTS"/' /usr/lib/os-release
say INFO 'upgrade done, no reboot by this view'
echo 'System upgrade is complete.'
