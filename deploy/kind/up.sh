#!/usr/bin/env bash
# A kind cluster with AWS made of moto inside, the controller by its chart, and a sample Service with an NLB that exists
# as API objects only. Needs docker, kind, kubectl and helm; your own kubeconfig is neither read nor changed.
#
#   deploy/kind/up.sh
#   kind delete cluster --name aws-lb-controller      # the end of it
#
# CLUSTER=kwok takes the cluster of $KUBECONFIG, in which nothing inside pods runs: no images are made or loaded, and
# nobody waits for what the controller would do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cluster=${CLUSTER:-kind}
name=aws-lb-controller
release=aws-load-balancer-controller
controller_image=aws-lb-controller:0.1.0
aws_image=aws-lb-controller-aws:0.1.0

say() { printf '=== %s\n' "$*"; }

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || { echo "error: $program is needed and not on PATH" >&2; exit 1; }
  done
}

make_kind_cluster() {
  need docker kind
  mkdir -p .demo
  export KUBECONFIG=$PWD/.demo/kind
  if ! kind get clusters 2>/dev/null | grep -qx "$name"; then
    kind create cluster --name "$name" --config deploy/kind/cluster.yaml --kubeconfig "$KUBECONFIG" --wait 120s
  fi
  kind export kubeconfig --name "$name" --kubeconfig "$KUBECONFIG"
}

load_images() {
  docker build --tag "$controller_image" --file deploy/Dockerfile .
  docker build --tag "$aws_image" --file deploy/kind/aws.Dockerfile .
  kind load docker-image --name "$name" "$controller_image" "$aws_image"
}

case $cluster in
  kind)
    say "A kind cluster, $name"
    make_kind_cluster
    say "Images"
    load_images
    ;;
  kwok) [[ -n ${KUBECONFIG:-} ]] || { echo "error: CLUSTER=kwok needs KUBECONFIG" >&2; exit 1; } ;;
  *) echo "error: CLUSTER=$cluster: must be kind or kwok" >&2; exit 1 ;;
esac
need kubectl helm

say "AWS"
kubectl apply -f deploy/kind/aws.yaml  # its pod waits for the ConfigMap
pod_ranges=$(kubectl get nodes --output jsonpath='{.items[*].spec.podCIDR}')
kubectl --namespace aws create configmap nodes --from-literal "pod-ranges=$pod_ranges" --dry-run=client --output yaml |
  kubectl apply -f -
kubectl --namespace aws rollout status deployment/moto --timeout 180s

say "The controller"
helm upgrade --install "$release" helm/aws-load-balancer-controller --namespace kube-system \
  --values deploy/kind/values.yaml
kubectl --namespace kube-system rollout status "deployment/$release" --timeout 180s

say "A sample"
kubectl apply -f deploy/samples/echo-nlb.yaml
if [[ $cluster == kind ]]; then
  kubectl --namespace echo wait service/svc-nlb-ip-type --timeout 180s \
    --for 'jsonpath={.status.loadBalancer.ingress[0].hostname}'
  kubectl get services,targetgroupbindings --namespace echo
  cat <<END

export KUBECONFIG=$KUBECONFIG
kubectl --namespace aws port-forward deployment/moto 5000     # then, beside it:
AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing aws --region us-west-2 --endpoint-url http://127.0.0.1:5000 elbv2 describe-load-balancers
END
fi
