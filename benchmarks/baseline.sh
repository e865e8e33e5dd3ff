#!/usr/bin/env bash
# The notes' own way, for the benchmark: what the course has a student type, one step after the other, each waited for
# as the notes do. It makes the same things as the stack does; benchmarks/approaches.py gives the variables.
set -euo pipefail
export PATH="$TOOLS:$PATH"

# --- a cluster: the same binaries, settings and nodes as the stack's embedded one ---------------------------------
cat > kwokctl.yaml <<YAML
apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokctlConfiguration
options:
  runtime: binary
  bindAddress: 127.0.0.1
  kubeVersion: v$KUBERNETES_VERSION
  etcdVersion: $ETCD_VERSION
  kubeApiserverPort: $KUBE_APISERVER_PORT
  etcdPort: $ETCD_PORT
  etcdPeerPort: $ETCD_PEER_PORT
  kwokControllerPort: $KWOK_CONTROLLER_PORT
  kubeApiserverBinary: $TOOLS/kube-apiserver
  kubeControllerManagerBinary: $TOOLS/kube-controller-manager
  kubeSchedulerBinary: $TOOLS/kube-scheduler
  kubectlBinary: $TOOLS/kubectl
  etcdBinary: $TOOLS/etcd
  kwokControllerBinary: $TOOLS/kwok
  disableQPSLimits: true
YAML
kwokctl create cluster --name notes --config kwokctl.yaml --kubeconfig "$KUBECONFIG" --wait 60s
kubectl apply --server-side -f "$NODES"

# --- Istio by Helm: base, istiod, gateways, with what the demo profile sets ---------------------------------------
kubectl create namespace istio-system

helm install istio-base "$BASE_CHART" -n istio-system --wait \
  --set base.validationURL="https://localhost:$ISTIOD_WEBHOOK_PORT/validate"

helm install istiod "$ISTIOD_CHART" -n istio-system --wait \
  --set profile=demo \
  --set global.hub="$ISTIO_HUB" \
  --set global.tag="$ISTIO_VERSION" \
  --set global.defaultPodDisruptionBudget.enabled=false \
  --set pilot.traceSampling="$TRACE_SAMPLING" \
  --set meshConfig.accessLogFile=/dev/stdout \
  --set meshConfig.enableTracing=true \
  --set base.validationFailurePolicy=Fail \
  --set base.validationURL="https://localhost:$ISTIOD_WEBHOOK_PORT/validate" \
  --set istiodRemote.injectionURL="https://localhost:$ISTIOD_WEBHOOK_PORT/inject"

# Simulated Pods run nothing, so the real istiod is a process of this machine, as it is in the stack.
POD_NAME=istiod POD_NAMESPACE=istio-system REVISION=default CLUSTER_ID=Kubernetes ISTIOD_CUSTOM_HOST=localhost \
INJECTION_WEBHOOK_CONFIG_NAME=istio-sidecar-injector VALIDATION_WEBHOOK_CONFIG_NAME=istio-validator-istio-system \
pilot-discovery discovery \
  --kubeconfig="$KUBECONFIG" \
  --httpAddr="127.0.0.1:$ISTIOD_HTTP_PORT" \
  --httpsAddr="127.0.0.1:$ISTIOD_WEBHOOK_PORT" \
  --grpcAddr= --monitoringAddr= \
  --secureGRPCAddr="127.0.0.1:$ISTIOD_XDS_PORT" \
  --ctrlz_port=0 > istiod.log 2>&1 < /dev/null &
istiod=$!
until kubectl --server="http://127.0.0.1:$ISTIOD_HTTP_PORT" get --raw /ready > /dev/null 2>&1; do
  kill -0 "$istiod" || { tail istiod.log; exit 1; }
  sleep 0.25
done
# The API server calls a webhook once istiod has put its certificate authority there.
trusted='jsonpath={.webhooks[0].clientConfig.caBundle}'
kubectl wait --for="$trusted" mutatingwebhookconfiguration/istio-sidecar-injector --timeout=60s
kubectl wait --for="$trusted" validatingwebhookconfiguration/istio-validator-istio-system --timeout=60s

cat > gateway.yaml <<YAML
autoscaling: {enabled: false}
resources: {requests: {cpu: 10m, memory: 40Mi}}
YAML
cat > ingress.yaml <<YAML
service:
  type: ClusterIP
  ports:
    - {name: status-port, port: 15021, targetPort: 15021, protocol: TCP}
    - {name: http2, port: 80, targetPort: 8080, protocol: TCP}
    - {name: https, port: 443, targetPort: 8443, protocol: TCP}
    - {name: tcp, port: 31400, targetPort: 31400, protocol: TCP}
    - {name: tls, port: 15443, targetPort: 15443, protocol: TCP}
YAML
cat > egress.yaml <<YAML
service:
  type: ClusterIP
  ports:
    - {name: http2, port: 80, targetPort: 8080, protocol: TCP}
    - {name: https, port: 443, targetPort: 8443, protocol: TCP}
YAML
helm install istio-ingressgateway "$GATEWAY_CHART" -n istio-system --wait -f gateway.yaml -f ingress.yaml
helm install istio-egressgateway "$GATEWAY_CHART" -n istio-system --wait -f gateway.yaml -f egress.yaml

kubectl apply -f - <<YAML
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging: [{providers: [{name: envoy}]}]
  tracing: [{providers: [{name: jaeger}], randomSamplingPercentage: $TRACE_SAMPLING}]
YAML

# --- the addons, as Istio's samples have them ---------------------------------------------------------------------
# Simulated nodes provision nothing: Loki's claim finds this volume.
kubectl apply -f - <<YAML
apiVersion: v1
kind: PersistentVolume
metadata: {name: loki}
spec: {capacity: {storage: 10Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /var/loki}}
YAML
for addon in $ADDONS; do
  kubectl apply --server-side -f "$addon"
done
for deployment in prometheus grafana kiali jaeger; do
  kubectl -n istio-system rollout status "deployment/$deployment" --timeout=60s
done
kubectl -n istio-system rollout status statefulset/loki --timeout=60s

# --- the namespace tutorial: hello-nginx, then Bookinfo behind its gateway ----------------------------------------
kubectl create namespace tutorial
kubectl label namespace tutorial istio-injection=enabled
kubectl -n tutorial apply -f - <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello-nginx}
spec:
  replicas: 1
  selector: {matchLabels: {app: hello-nginx}}
  template:
    metadata: {labels: {app: hello-nginx}}
    spec: {containers: [{name: hello-nginx, image: "$HELLO_NGINX_IMAGE", ports: [{containerPort: 80}]}]}
YAML
kubectl -n tutorial rollout status deployment/hello-nginx --timeout=60s

kubectl -n tutorial apply -f "$BOOKINFO"
kubectl -n tutorial apply -f "$BOOKINFO_GATEWAY"
for deployment in details-v1 productpage-v1 ratings-v1 reviews-v1 reviews-v2 reviews-v3; do
  kubectl -n tutorial rollout status "deployment/$deployment" --timeout=60s
done

# --- the shop: configuration, a database, order and delivery in two namespaces --------------------------------------
kubectl create configmap my-config --from-literal=class=MSA --from-literal=Lab=ConfigMap
kubectl create namespace shop
kubectl label namespace shop istio-injection=enabled
for namespace in default shop tutorial; do
  kubectl -n "$namespace" apply -f - <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: config-dev}
data:
  ORDER_DB_URL: jdbc:mysql://mysql:3306/connectdb1?serverTimezone=Asia/Seoul&useSSL=false
  ORDER_DB_USER: myuser
  ORDER_DB_PASS: mypass
  ORDER_LOG_LEVEL: DEBUG
YAML
done

kubectl -n shop apply -f - <<YAML
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: mysql}
spec:
  serviceName: mysql
  selector: {matchLabels: {app: mysql}}
  template:
    metadata: {labels: {app: mysql}}
    spec:
      containers:
        - name: mysql
          image: $MYSQL_IMAGE
          env:
            - {name: MYSQL_DATABASE, value: connectdb1}
            - {name: MYSQL_USER, value: myuser}
            - {name: MYSQL_PASSWORD, value: mypass}
            - {name: MYSQL_ROOT_PASSWORD, value: mypass}
          ports: [{containerPort: 3306}]
---
apiVersion: v1
kind: Service
metadata: {name: mysql}
spec: {selector: {app: mysql}, ports: [{name: tcp-mysql, port: 3306}]}
YAML
kubectl -n shop rollout status statefulset/mysql --timeout=60s
kubectl -n tutorial create service externalname mysql --external-name=mysql.shop.svc.cluster.local --tcp=3306

deploy() { # namespace, application, replicas
  kubectl -n "$1" apply -f - <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: $2}
spec:
  replicas: $3
  selector: {matchLabels: {app: $2}}
  template:
    metadata: {labels: {app: $2, version: v1}}
    spec:
      containers:
        - name: $2
          image: $2:v1
          envFrom: [{configMapRef: {name: config-dev}}]
          ports: [{containerPort: 8080}]
YAML
  kubectl -n "$1" expose deployment "$2" --port=8080
  kubectl -n "$1" rollout status "deployment/$2" --timeout=60s
}
deploy shop order 2
deploy shop delivery 2
deploy tutorial order 1
deploy tutorial delivery 2

# --- Argo Rollouts: controller and dashboard, then the example of the course ---------------------------------------
kubectl create namespace argo-rollouts
kubectl apply --server-side -n argo-rollouts -f "$ROLLOUTS" -f "$ROLLOUTS_DASHBOARD"
# As istiod: simulated Pods run nothing, so the real controller is a process of this machine.
POD_NAMESPACE=argo-rollouts rollouts-controller --kubeconfig="$KUBECONFIG" --leader-elect=false \
  --healthzPort=65536 --metricsPort=65536 > rollouts.log 2>&1 < /dev/null &
for deployment in argo-rollouts argo-rollouts-dashboard; do
  kubectl -n argo-rollouts rollout status "deployment/$deployment" --timeout=60s
done
kubectl apply -f - <<YAML
apiVersion: v1
kind: Service
metadata: {name: nginx, labels: {app: nginx}}
spec: {selector: {app: nginx}, ports: [{name: http, port: 80, targetPort: 80}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: example-rollout}
spec:
  replicas: 10
  selector: {matchLabels: {app: nginx}}
  minReadySeconds: 30
  revisionHistoryLimit: 3
  template:
    metadata: {labels: {app: nginx}}
    spec: {containers: [{name: nginx, image: "$EXAMPLE_IMAGE", ports: [{containerPort: 80}]}]}
  strategy:
    canary:
      maxSurge: 25%
      maxUnavailable: 0
      steps:
        - {setWeight: 10}
        - {pause: {duration: 10s}}
        - {setWeight: 20}
        - {pause: {duration: 10s}}
        - {setWeight: 30}
        - {pause: {duration: 10s}}
        - {setWeight: 40}
        - {pause: {duration: 10s}}
YAML
kubectl wait --for=jsonpath='{.status.readyReplicas}'=10 rollout/example-rollout --timeout=60s

# --- what makes load ------------------------------------------------------------------------------------------------
for namespace in shop tutorial; do
  kubectl -n "$namespace" apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: siege, labels: {app: siege}}
spec: {containers: [{name: siege, image: $SIEGE_IMAGE}]}
YAML
done
kubectl -n shop wait --for=condition=Ready pod/siege --timeout=60s
kubectl -n tutorial wait --for=condition=Ready pod/siege --timeout=60s
