#!/usr/bin/env bash
# Moves a workspace with a Slurm of two nodes on loopback, which it sets up and takes
# down: to see array.sbatch at work. One task is ended in the middle and requeued. On a
# cluster, use array.sbatch alone.
#
#   slurm.sh N WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2] [DIR]
#
# It needs slurmctld, slurmd and munged (Debian: slurm-wlm, munge), as root.
set -euo pipefail
: "${3:?usage: slurm.sh N WORKSPACE[/PROJECT] WORKSPACE2[/PROJECT2] [DIR]}"
here=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "${4:-.}" && pwd)
slurm=$(mktemp -d /tmp/slurm.XXXXXX)
chmod 755 "$slurm"
pids=()

cleanup() {
	# Only what was started here is ended.
	scancel --user "$(id -un)" >/dev/null 2>&1 || :
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	wait 2>/dev/null || :
	rm -rf "$slurm"
}
trap cleanup EXIT

# Three ports that are free now, and in the ephemeral range of nobody else.
read -r control node1 node2 < <(python3 - <<'PORTS'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in held))
PORTS
)

dd if=/dev/urandom of="$slurm/munge.key" bs=1024 count=1 status=none
chmod 400 "$slurm/munge.key"
mkdir "$slurm/munge" "$slurm/state" "$slurm/spool1" "$slurm/spool2"
munged --foreground --key-file="$slurm/munge.key" --socket="$slurm/munge/socket" --pid-file="$slurm/munge/pid" \
	--seed-file="$slurm/munge/seed" --log-file="$slurm/munge/log" --force >/dev/null 2>&1 &
pids+=($!)

user=$(id -un)
cat >"$slurm/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$control
AuthType=auth/munge
AuthInfo=socket=$slurm/munge/socket,cred_expire=5
CredType=cred/munge
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool%n
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
SwitchType=switch/none
MpiDefault=none
JobRequeue=1
ReturnToService=2
SchedulerParameters=batch_sched_delay=1,sched_interval=2
MinJobAge=300
KillWait=5
NodeName=1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$node1 CPUs=1 State=UNKNOWN
NodeName=2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$node2 CPUs=1 State=UNKNOWN
PartitionName=all Nodes=1,2 Default=YES MaxTime=INFINITE State=UP
CONF
echo 'CgroupPlugin=cgroup/v1' >"$slurm/cgroup.conf"
export SLURM_CONF=$slurm/slurm.conf

until [ -S "$slurm/munge/socket" ]; do sleep 0.1; done
slurmctld -D >"$slurm/slurmctld.log" 2>&1 &
pids+=($!)
for node in 1 2; do
	slurmd -D -N "$node" >"$slurm/slurmd$node.log" 2>&1 &
	pids+=($!)
done

for _ in $(seq 100); do
	if [ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null || :)" = 2 ]; then break; fi
	sleep 0.3
done
sinfo || { tail "$slurm"/*.log >&2; exit 1; }

last=$(($1 - 1))
job=$(COMET_STREAM_SCALE=$here sbatch --parsable --array="0-$last" --output="$dir/shard.%a.log" "$here/array.sbatch" "$2" "$3" "$dir")

# As when a node is taken away in the middle: the task is requeued, and goes on.
for _ in $(seq 100); do
	if compgen -G "$dir/shard.0-of-$1.comet.zst*" >/dev/null; then break; fi
	sleep 0.1
done
scontrol requeue "${job}_0" 2>/dev/null || echo 'the first task was done before it could be requeued'

while squeue --noheader --job "$job" 2>/dev/null | grep -q .; do sleep 0.5; done
scontrol show job "$job" | grep -E '^JobId|JobState|Restarts' || :
"$here/all.sh" "$3" "$dir"/shard.*-of-"$1".comet.zst
