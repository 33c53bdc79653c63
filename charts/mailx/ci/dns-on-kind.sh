#!/bin/sh
# Makes the cluster's CoreDNS answer for domains as the world's DNS would: the TXT record that each
# domain wants published, and its two hosts, which lead to the Services of its deployment.
#   sh dns-on-kind.sh a.test mail-a/a-mailx-all-in-one b.test mail-b/b-mailx-all-in-one
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kubectl --namespace kube-system get configmap coredns --output 'jsonpath={.data.Corefile}' |
  sed '/^# mailx begin/,/^# mailx end/d' >"$work/Corefile"
echo '# mailx begin' >>"$work/Corefile"
while [ $# -ge 2 ]; do
  domain=$1 namespace=${2%/*} name=${2#*/}
  record=$(kubectl --namespace "$namespace" exec "deployment/$name" -- \
    node /opt/mailx/app/launch.mjs mailxctl --json domains |
    sed -n "s/.*\"domain\":\"$domain\".*\"txtRecord\":\"\\([^\"]*\\)\".*/\\1/p")
  [ -n "$record" ] || { echo "$2 does not host $domain" >&2; exit 1; }
  cat >>"$work/Corefile" <<EOF
$domain:53 {
    errors
    template IN TXT _mailx.$domain {
        answer "{{ .Name }} 60 IN TXT \"$record\""
    }
    rewrite name suffix mailx.$domain. $name.$namespace.svc.cluster.local. answer auto
    rewrite name suffix mailx-peer.$domain. $name.$namespace.svc.cluster.local. answer auto
    kubernetes cluster.local
    template ANY ANY {
        rcode NXDOMAIN
    }
}
EOF
  shift 2
done
echo '# mailx end' >>"$work/Corefile"
kubectl --namespace kube-system create configmap coredns --from-file "$work/Corefile" \
  --dry-run=client --output yaml | kubectl apply --filename -
kubectl --namespace kube-system rollout restart deployment/coredns
kubectl --namespace kube-system rollout status deployment/coredns
