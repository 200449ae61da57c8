#!/usr/bin/env bash
# Starts a real SLURM of one node on this machine, as root: start.sh FOLDER. Installs Debian's packages if need be.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
if ! command -v slurmctld >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >/dev/null
    apt-get install -q -y --no-install-recommends slurm-wlm slurm-client munge >/dev/null
fi
mkdir -p "$folder/state" "$folder/spool" /run/munge
[ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=1024 status=none
chown munge: /etc/munge/munge.key /run/munge
chmod 400 /etc/munge/munge.key
chmod 755 /run/munge
pgrep -x munged >/dev/null || setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged
host=$(hostname -s)
cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ReturnToService=2
MinJobAge=3600
KillWait=20
SchedulerParameters=sched_interval=1,batch_sched_delay=0
AuthInfo=cred_expire=10
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc --all) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$folder/slurm.conf
slurmctld
slurmd
for _ in $(seq 100); do
    sinfo -h -o %t 2>/dev/null | grep -q idle && exit 0
    sleep 0.2
done
sinfo >&2
tail -20 "$folder"/*.log >&2
exit 1
