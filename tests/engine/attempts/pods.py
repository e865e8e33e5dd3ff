"""Pods, and whatever makes them."""

from __future__ import annotations

from tests.engine.attempts.tried import HOME, SELECTOR, Object, Refused, container, made, pod, secured, template, volume

_NODE = "the node's network, processes and memory are not a student's"
_KINDS = "volumes of a student's Pods are of the kinds"
_CAPABILITIES = "add no capabilities"
_PROBES = "name no host"
_SECCOMP = "seccomp profile"
_APPARMOR = "AppArmor profile"
_SELINUX = "SELinux"
_ISTIO = "an annotation of Istio is not for students"
_FOREIGN = "other networks or rights"
_TAINTS = "tolerate no taints but"
_RUNTIME = "runtime and scheduler"

PROXY = "docker.io/istio/proxyv2:1.31.1"
_INIT: Object = {
    "name": "istio-init",
    "image": PROXY,
    "args": ["istio-iptables", "-p", "15001"],
    "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}},
}


def init(**fields: object) -> Object:
    """A Pod with Istio's init container, changed."""
    return pod({"initContainers": [{**_INIT, **fields}]})


def probe(**action: Object) -> Object:
    return {"livenessProbe": action}


def annotated(key: str, value: str = "x") -> Object:
    return pod(annotations={key: value})


def _in(kind: str, version: str, spec: Object) -> Object:
    return made(kind, version, spec)


_BAD = template({"hostNetwork": True})
_LOCAL = {"type": "Localhost", "localhostProfile": "profiles/open.json"}

REFUSED = [
    Refused("the node's network", pod({"hostNetwork": True}), _NODE),
    Refused("the node's processes", pod({"hostPID": True}), _NODE),
    Refused("the node's shared memory", pod({"hostIPC": True}), _NODE),
    Refused("the node's files", pod(volume(hostPath={"path": "/"})), "no hostPath volumes"),
    Refused("the kubelet's socket", pod(volume(hostPath={"path": "/var/lib/kubelet"})), "no hostPath volumes"),
    Refused("a file server", pod(volume(nfs={"server": "10.0.0.1", "path": "/"})), _KINDS),
    Refused("a CSI driver", pod(volume(csi={"driver": "secrets-store.csi.k8s.io"})), _KINDS),
    Refused("a driver of one's own", pod(volume(flexVolume={"driver": "example/any"})), _KINDS),
    Refused(
        "a disk by iSCSI",
        pod(volume(iscsi={"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:a", "lun": 0})),
        _KINDS,
    ),
    Refused("a Ceph image", pod(volume(rbd={"monitors": ["10.0.0.1"], "image": "a"})), _KINDS),
    Refused("a Ceph file system", pod(volume(cephfs={"monitors": ["10.0.0.1"]})), _KINDS),
    Refused(
        "an Azure disk",
        pod(volume(azureDisk={"diskName": "a", "diskURI": "/subscriptions/a", "kind": "Managed"})),
        _KINDS,
    ),
    Refused("an Azure share", pod(volume(azureFile={"secretName": "a", "shareName": "a"})), _KINDS),
    Refused("a Fibre Channel disk", pod(volume(fc={"wwids": ["3600508b400105e21"]})), _KINDS),
    Refused("an image as a volume", pod(volume(image={"reference": "busybox:1.37"})), _KINDS),
    Refused("memory without a size", pod(volume(emptyDir={"medium": "Memory"})), "needs a sizeLimit"),
    Refused("huge pages without a size", pod(volume(emptyDir={"medium": "HugePages"})), "needs a sizeLimit"),
    Refused(
        "an unsafe sysctl", pod({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}), "sysctls"
    ),
    Refused(
        "a sysctl of forwarding",
        pod({"securityContext": {"sysctls": [{"name": "net.ipv4.ip_forward", "value": "1"}]}}),
        "sysctls",
    ),
    Refused("a privileged container", pod(app=secured(privileged=True)), "are not privileged"),
    Refused(
        "a privileged init container",
        pod({"initContainers": [container(name="first", **secured(privileged=True))]}),
        "are not privileged",
    ),
    Refused("NET_ADMIN", pod(app=secured(capabilities={"add": ["NET_ADMIN"]})), _CAPABILITIES),
    Refused("NET_RAW", pod(app=secured(capabilities={"add": ["NET_RAW"]})), _CAPABILITIES),
    Refused("SYS_ADMIN", pod(app=secured(capabilities={"add": ["SYS_ADMIN"]})), _CAPABILITIES),
    Refused("all capabilities", pod(app=secured(capabilities={"add": ["ALL"]})), _CAPABILITIES),
    Refused("an own image called istio-init", init(image="evil/proxyv2:1"), _CAPABILITIES),
    Refused("an image that begins like Istio's", init(image="docker.io/istio/proxyv2-own:1"), _CAPABILITIES),
    Refused("Istio's image under another name", init(name="mine"), _CAPABILITIES),
    Refused("another command in istio-init", init(command=["sh", "-c", "id"]), _CAPABILITIES),
    Refused("other arguments in istio-init", init(args=["request", "GET", "/"]), _CAPABILITIES),
    Refused("no arguments in istio-init", init(args=[]), _CAPABILITIES),
    Refused("a loader's variable in istio-init", init(env=[{"name": "LD_PRELOAD", "value": "/x"}]), _CAPABILITIES),
    Refused("a ConfigMap in istio-init", init(envFrom=[{"configMapRef": {"name": "any"}}]), _CAPABILITIES),
    Refused(
        "a volume in istio-init",
        pod(
            {
                "initContainers": [{**_INIT, "volumeMounts": [{"name": "tried", "mountPath": "/lib"}]}],
                **volume(emptyDir={}),
            }
        ),
        _CAPABILITIES,
    ),
    Refused("more capabilities in istio-init", init(**secured(capabilities={"add": ["SYS_PTRACE"]})), _CAPABILITIES),
    Refused(
        "istio-init beside the application",
        pod({"containers": [container(), {**_INIT, "name": "istio-init"}]}),
        _CAPABILITIES,
    ),
    Refused("a port of the node", pod(app={"ports": [{"containerPort": 80, "hostPort": 80}]}), "no ports of the node"),
    Refused("a probe of another host", pod(app=probe(httpGet={"host": "169.254.169.254", "port": 80})), _PROBES),
    Refused("a TCP probe of another host", pod(app=probe(tcpSocket={"host": "10.0.0.1", "port": 22})), _PROBES),
    Refused(
        "a readiness probe of the node",
        pod(app={"readinessProbe": {"httpGet": {"host": "127.0.0.1", "port": 10255}}}),
        _PROBES,
    ),
    Refused(
        "a startup probe of the node",
        pod(app={"startupProbe": {"tcpSocket": {"host": "127.0.0.1", "port": 10255}}}),
        _PROBES,
    ),
    Refused(
        "a hook that asks another host",
        pod(app={"lifecycle": {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}}),
        _PROBES,
    ),
    Refused(
        "a hook that asks at the start",
        pod(app={"lifecycle": {"postStart": {"httpGet": {"host": "10.0.0.1", "port": 80}}}}),
        _PROBES,
    ),
    Refused("no seccomp", pod(app=secured(seccompProfile={"type": "Unconfined"})), _SECCOMP),
    Refused("no seccomp for the Pod", pod({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}), _SECCOMP),
    Refused("a seccomp profile from the node", pod(app=secured(seccompProfile=_LOCAL)), _SECCOMP),
    Refused("no AppArmor", pod(app=secured(appArmorProfile={"type": "Unconfined"})), _APPARMOR),
    Refused(
        "no AppArmor for the Pod", pod({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}), _APPARMOR
    ),
    Refused(
        "no AppArmor by annotation",
        annotated("container.apparmor.security.beta.kubernetes.io/app", "unconfined"),
        _APPARMOR,
    ),
    Refused("SELinux spc_t", pod(app=secured(seLinuxOptions={"type": "spc_t"})), _SELINUX),
    Refused("an SELinux user", pod({"securityContext": {"seLinuxOptions": {"user": "system_u"}}}), _SELINUX),
    Refused("an SELinux role", pod(app=secured(seLinuxOptions={"role": "sysadm_r"})), _SELINUX),
    Refused("the whole of /proc", pod({"hostUsers": False}, app=secured(procMount="Unmasked")), "procMount"),
    Refused(
        "a process of a Windows node",
        pod({"hostNetwork": True, "securityContext": {"windowsOptions": {"hostProcess": True}}}),
        _NODE,
    ),
    Refused("the highest priority", pod({"priorityClassName": "system-node-critical"}), "no priority class"),
    Refused("the cluster's priority", pod({"priorityClassName": "system-cluster-critical"}), "no priority class"),
    Refused("another scheduler", pod({"schedulerName": "mine"}), _RUNTIME),
    Refused("a device", pod({"resourceClaims": [{"name": "a", "resourceClaimName": "a"}]}), _RUNTIME),
    Refused("a node by name", pod({"nodeName": "lab-node-0"}), "no nodeName"),
    Refused("a node by role", pod({"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}}), "nodeSelector"),
    Refused("every taint", pod({"tolerations": [{"operator": "Exists"}]}), _TAINTS),
    Refused(
        "the control plane's taint",
        pod({"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}),
        _TAINTS,
    ),
    Refused("AKS' system nodes", pod({"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]}), _TAINTS),
    Refused(
        "a node that is being emptied",
        pod({"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]}),
        _TAINTS,
    ),
    Refused(
        "the student's own account",
        pod({"serviceAccountName": "student", "automountServiceAccountToken": True}, namespace=HOME),
        "do not run as the account student",
    ),
    Refused("a Pod that never ends", pod({"terminationGracePeriodSeconds": 10**9}), "end within 600 seconds"),
    Refused("another proxy", annotated("sidecar.istio.io/proxyImage", "evil:1"), _ISTIO),
    Refused("another bootstrap", annotated("sidecar.istio.io/bootstrapOverride"), _ISTIO),
    Refused("volumes by annotation", annotated("sidecar.istio.io/userVolume", "{}"), _ISTIO),
    Refused("mounts by annotation", annotated("sidecar.istio.io/userVolumeMount", "{}"), _ISTIO),
    Refused("another template", annotated("inject.istio.io/templates", "gateway"), _ISTIO),
    Refused("another configuration", annotated("proxy.istio.io/config", "{discoveryAddress: evil:15012}"), _ISTIO),
    Refused("another control plane", annotated("sidecar.istio.io/discoveryAddress", "evil:15012"), _ISTIO),
    Refused("other changes of the sidecar", annotated("proxy.istio.io/overrides", "{}"), _ISTIO),
    Refused("transparent proxying", annotated("sidecar.istio.io/interceptionMode", "TPROXY"), _ISTIO),
    Refused("interfaces of the node", annotated("traffic.sidecar.istio.io/kubevirtInterfaces", "eth0"), _ISTIO),
    Refused("another network", annotated("k8s.v1.cni.cncf.io/networks", "kube-system/host"), _FOREIGN),
    Refused("a node that may not go", annotated("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"), _FOREIGN),
    Refused("seccomp by annotation", annotated("seccomp.security.alpha.kubernetes.io/pod", "unconfined"), _FOREIGN),
    Refused("the shared gateway's label", pod(labels={"istio": "ingressgateway"}), "no gateways of the mesh"),
    Refused("a Deployment", _in("Deployment", "apps/v1", {**SELECTOR, "template": _BAD}), _NODE),
    Refused("a StatefulSet", _in("StatefulSet", "apps/v1", {**SELECTOR, "serviceName": "a", "template": _BAD}), _NODE),
    Refused("a ReplicaSet", _in("ReplicaSet", "apps/v1", {**SELECTOR, "template": _BAD}), _NODE),
    Refused(
        "a Job", _in("Job", "batch/v1", {"template": template({"hostNetwork": True, "restartPolicy": "Never"})}), _NODE
    ),
    Refused(
        "a CronJob",
        _in(
            "CronJob",
            "batch/v1",
            {
                "schedule": "* * * * *",
                "jobTemplate": {"spec": {"template": template({"hostPID": True, "restartPolicy": "Never"})}},
            },
        ),
        _NODE,
    ),
    Refused(
        "a Rollout",
        _in("Rollout", "argoproj.io/v1alpha1", {**SELECTOR, "strategy": {"canary": {}}, "template": _BAD}),
        _NODE,
    ),
    Refused(
        "an Experiment",
        _in("Experiment", "argoproj.io/v1alpha1", {"templates": [{"name": "a", **SELECTOR, "template": _BAD}]}),
        _NODE,
    ),
    Refused(
        "a Deployment with the node's files",
        _in("Deployment", "apps/v1", {**SELECTOR, "template": template(volume(hostPath={"path": "/"}))}),
        "no hostPath volumes",
    ),
    Refused(
        "a Deployment with a template of the sidecar",
        _in(
            "Deployment",
            "apps/v1",
            {**SELECTOR, "template": template({}, annotations={"inject.istio.io/templates": "gateway"})},
        ),
        _ISTIO,
    ),
    Refused(
        "more cores than a container may have",
        pod(app={"resources": {"limits": {"cpu": "64", "memory": "1Gi"}}}),
        "maximum cpu usage per Container",
    ),
    Refused(
        "more memory than a container may have",
        pod(app={"resources": {"limits": {"cpu": "1", "memory": "500Gi"}}}),
        "maximum memory usage per Container",
    ),
    Refused(
        "more disk than a container may have",
        pod(app={"resources": {"limits": {"ephemeral-storage": "500Gi"}}}),
        "maximum ephemeral-storage usage per Container",
    ),
]
