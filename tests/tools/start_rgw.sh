#!/usr/bin/env bash
# A real S3 server (Ceph RGW, one node, objects in memory) for the tests; needs radosgw, ceph-mon, ceph-osd, ceph-common.
#   start_rgw.sh FOLDER S3_PORT MON_PORT      prints "ready" once it answers; access key AK, secret key SK
# A second user, guest, owns nothing: access key GUEST, secret key GUESTS-KEY.
# It stays in the foreground. All its processes end when it gets SIGTERM, or when whoever started it is gone.
set -eu
folder=$1 port=$2 mon=$3 parent=$PPID
export CEPH_CONF=$folder/ceph.conf
mkdir -p "$folder"/{run,mon,osd,log}

stop() {
    trap - EXIT TERM INT
    kill $(jobs -p) 2>/dev/null || true
    for _ in $(seq 10); do [ -z "$(jobs -pr)" ] && break; sleep 0.1; done
    kill -9 $(jobs -pr) 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"/{run,mon,osd,log}
    exit "${1:-0}"
}
trap 'stop 1' EXIT
trap 'stop 0' TERM INT

cat > "$CEPH_CONF" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$mon]
auth_allow_insecure_global_id_reclaim = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
mon_max_pg_per_osd = 2000
keyring = $folder/keyring
run_dir = $folder/run
admin_socket = $folder/run/\$name.asok
log_file = $folder/log/\$name.log
pid_file = $folder/run/\$name.pid
mon_cluster_log_file = $folder/log/cluster.log
[mon.a]
mon_data = $folder/mon
mon_data_avail_crit = 1
[osd.0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_data = $folder/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:$port
CONF

add_key() { ceph-authtool "$folder/keyring" --gen-key "$@" >/dev/null; }
ceph-authtool --create-keyring "$folder/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
add_key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
add_key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
add_key -n client.rgw.a --cap mon 'allow rw' --cap osd 'allow rwx'
fsid=$(sed -n 's/^fsid = //p' "$CEPH_CONF")
monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon]" --set-min-mon-release pacific "$folder/monmap" >/dev/null
ceph-mon --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring"
ceph-mon -f -i a &

ask_mon() { timeout 60 ceph "$@"; }
osd=$(cat /proc/sys/kernel/random/uuid)
ask_mon osd new "$osd" 0 >/dev/null
ask_mon auth add osd.0 -i "$folder/keyring"
ask_mon auth add client.rgw.a -i "$folder/keyring"
cp "$folder/keyring" "$folder/osd/keyring"
ceph-osd -i 0 --mkfs --osd-uuid "$osd"
ceph-osd -f -i 0 &
radosgw -n client.rgw.a -f --no-mon-config &
timeout 60 radosgw-admin --no-mon-config user create --uid=tests --display-name=tests --access-key=AK --secret-key=SK >/dev/null
timeout 60 radosgw-admin --no-mon-config user create --uid=guest --display-name=guest --access-key=GUEST --secret-key=GUESTS-KEY >/dev/null

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
for _ in $(seq 300); do answers && break; sleep 0.2; done
answers
echo ready
while kill -0 "$parent" 2>/dev/null && [ "$(jobs -pr | wc -l)" -eq 3 ]; do
    sleep 1 &
    wait $! || true
done
