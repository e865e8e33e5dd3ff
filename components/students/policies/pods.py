"""Policy for Pods, and for the Pod templates of whatever makes Pods.

It is Pod Security's level `baseline` and more. The level itself does not fit: Istio's init container needs two
capabilities that it refuses. Of `restricted` it has all but what images of the course need: their own user, and
privileges that a container may regain.
"""

from __future__ import annotations

from components.students.policies.policy import Policy, Resources, Rules, literals
from lab.settings.students import ACCOUNT

_VOLUMES = (
    "name",
    "configMap",
    "secret",
    "emptyDir",
    "downwardAPI",
    "projected",
    "persistentVolumeClaim",
    "ephemeral",
)
"""Keys of a volume, as `restricted` has them, but for CSI drivers and images."""

_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
"""Of the Pod's own namespaces, as in Pod Security's `baseline`."""

_TOLERATIONS = (
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/memory-pressure",
    "kubernetes.azure.com/scalesetpriority",
)
"""Taints that admission tolerates for every Pod, and that of cheap nodes."""

_ISTIO_ANNOTATIONS = (
    "istio.io/rev",
    "prometheus.istio.io/merge-metrics",
    "sidecar.istio.io/agentLogLevel",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/logLevel",
    "sidecar.istio.io/nativeSidecar",
    "sidecar.istio.io/proxyCPU",
    "sidecar.istio.io/proxyCPULimit",
    "sidecar.istio.io/proxyMemory",
    "sidecar.istio.io/proxyMemoryLimit",
    "sidecar.istio.io/rewriteAppHTTPProbers",
    "sidecar.istio.io/status",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
)
"""Of the sidecar; others give it another image, other files, templates or a configuration of one's own."""

_FOREIGN_ANNOTATIONS = (
    "seccomp.security.alpha.kubernetes.io/",
    "k8s.v1.cni.cncf.io/",
    "v1.multus-cni.io/",
    "io.kubernetes.cri-o.",
    "cluster-autoscaler.kubernetes.io/",
)
"""Beginnings of annotations by which a Pod gets other networks or rights, or keeps a node from going."""

_MEMORY_OF_ISTIO = "istio-envoy"
"""The sidecar's volume in memory; what is in it counts against the limits of the Pod's containers."""

_LONGEST_END = 600
"""Seconds that a Pod may take to end; a namespace goes only when its Pods are gone."""

_PODS = (
    "dyn(object).kind == 'Pod' ? [dyn(object)] : "
    "dyn(object).kind == 'CronJob' ? [dyn(object).spec.jobTemplate.spec.template] : "
    "dyn(object).kind == 'Experiment' ? dyn(object).spec.?templates.orValue([]).map(each, each.template) : "
    "dyn(object).spec.?template.hasValue() ? [dyn(object).spec.template] : []"
)
"""The Pod, or the templates of Pods."""

_CONTAINERS = (
    "(pod.?spec.?containers.orValue([]) + pod.?spec.?initContainers.orValue([]) + "
    "pod.?spec.?ephemeralContainers.orValue([]))"
)
_MOUNTED_BY_ADMISSION = "/var/run/secrets/kubernetes.io/serviceaccount"


def policy(proxy: str) -> Policy:
    """Return the policy.

    Args:
        proxy: repository of the image of Istio's proxy, whose init container alone gets capabilities.
    """
    return Policy(
        key="",
        resources=(
            Resources(group="", names=("pods", "pods/ephemeralcontainers", "replicationcontrollers")),
            Resources(group="apps", names=("deployments", "replicasets", "statefulsets", "daemonsets")),
            Resources(group="batch", names=("jobs", "cronjobs")),
            Resources(group="argoproj.io", names=("rollouts", "experiments")),
        ),
        variables={"pods": _PODS},
        rules={**_node(), **_containers(proxy), **_placement(), **_annotations()},
    )


def _pod(condition: str) -> str:
    """Require a condition of every `pod`."""
    return f"variables.pods.all(pod, {condition})"


def _each(condition: str) -> str:
    """Require a condition of every `container` of every `pod`."""
    return _pod(f"{_CONTAINERS}.all(container, {condition})")


def _contexts(condition: str) -> str:
    """Require a condition of every security `context`: of Pods and of containers."""
    of_pod = condition.replace("context", "pod.?spec.?securityContext")
    of_container = condition.replace("context", "container.?securityContext")
    return _pod(f"{of_pod} && {_CONTAINERS}.all(container, {of_container})")


def _volumes(condition: str) -> str:
    """Require a condition of every `volume` of every `pod`."""
    return _pod(f"pod.?spec.?volumes.orValue([]).all(volume, {condition})")


def _node() -> Rules:
    return {
        "the node's network, processes and memory are not a student's": _pod(
            "!pod.?spec.?hostNetwork.orValue(false) && !pod.?spec.?hostPID.orValue(false) && "
            "!pod.?spec.?hostIPC.orValue(false)"
        ),
        "the node's files are not a student's: no hostPath volumes": _volumes("!has(volume.hostPath)"),
        f"volumes of a student's Pods are of the kinds {', '.join(_VOLUMES[1:])}": _volumes(
            f"volume.all(key, key in {literals(_VOLUMES)})"
        ),
        "a volume in memory needs a sizeLimit": _volumes(
            f"volume.?emptyDir.?medium.orValue('') == '' || volume.name == '{_MEMORY_OF_ISTIO}' || "
            "has(volume.emptyDir.sizeLimit)"
        ),
        "a student's Pods set no sysctls but those of their own network": _pod(
            f"pod.?spec.?securityContext.?sysctls.orValue([]).all(sysctl, sysctl.name in {literals(_SYSCTLS)})"
        ),
    }


def _containers(proxy: str) -> Rules:
    addresses = [f"container.?{probe}.?{kind}.?host.orValue('') == ''" for probe in _PROBES for kind in _REQUESTS]
    return {
        "a student's containers are not privileged": _each("!container.?securityContext.?privileged.orValue(false)"),
        "a student's containers add no capabilities; only Istio's init container does, as Istio makes it": _pod(
            f"{_CONTAINERS}.all(container, container.?securityContext.?capabilities.?add.orValue([]).all("
            f"one, one == 'NET_BIND_SERVICE') || {_istios_own(proxy)})"
        ),
        "a student's containers take no ports of the node": _each(
            "container.?ports.orValue([]).all(port, port.?hostPort.orValue(0) == 0)"
        ),
        "probes and lifecycle hooks ask the Pod itself: they name no host": _each(" && ".join(addresses)),
        "a student's containers keep the runtime's seccomp profile: RuntimeDefault or none named": _contexts(
            "context.?seccompProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault'"
        ),
        "a student's containers keep the runtime's AppArmor profile: RuntimeDefault or none named": (
            _contexts("context.?appArmorProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault'")
            + " && "
            + _pod(
                "pod.?metadata.?annotations.orValue({}).all(key, "
                "!key.startsWith('container.apparmor.security.beta.kubernetes.io/') || "
                "pod.metadata.annotations[key] in ['', 'runtime/default'])"
            )
        ),
        "a student's containers choose no SELinux user or role, and a type of containers": _contexts(
            "(context.?seLinuxOptions.?user.orValue('') == '' && context.?seLinuxOptions.?role.orValue('') == '' && "
            f"context.?seLinuxOptions.?type.orValue('') in {literals(_SELINUX_TYPES)})"
        ),
        "a student's containers see the runtime's /proc: procMount Default": _each(
            "container.?securityContext.?procMount.orValue('Default') in ['', 'Default']"
        ),
        "a student's containers are no processes of a Windows node": _contexts(
            "!context.?windowsOptions.?hostProcess.orValue(false)"
        ),
    }


_PROBES = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.?postStart", "lifecycle.?preStop")
_REQUESTS = ("httpGet", "tcpSocket")


def _istios_own(proxy: str) -> str:
    """Return the condition that a `container` is what Istio puts before a Pod's others, and runs nothing else."""
    return (
        "(container.name == 'istio-init' && "
        "pod.?spec.?initContainers.orValue([]).exists(each, each.name == 'istio-init') && "
        f"container.image.startsWith('{proxy}:') && !container.?command.hasValue() && "
        "container.?args.orValue(['']).size() > 0 && container.?args.orValue([''])[0] == 'istio-iptables' && "
        "container.?env.orValue([]).all(variable, variable.name.startsWith('ISTIO_META_')) && "
        "container.?envFrom.orValue([]).size() == 0 && container.?volumeMounts.orValue([]).all(mount, "
        f"mount.mountPath == '{_MOUNTED_BY_ADMISSION}') && "
        "container.securityContext.capabilities.add.all(one, one in ['NET_ADMIN', 'NET_RAW']))"
    )


def _placement() -> Rules:
    return {
        "a student's Pods have no priority class: they would displace those of others": _pod(
            "pod.?spec.?priorityClassName.orValue('') == '' && pod.?spec.?priority.orValue(0) <= 0"
        ),
        "a student's Pods use the cluster's own runtime and scheduler, and no devices": _pod(
            "pod.?spec.?runtimeClassName.orValue('') == '' && "
            "pod.?spec.?schedulerName.orValue('default-scheduler') in ['', 'default-scheduler'] && "
            "pod.?spec.?resourceClaims.orValue([]).size() == 0"
        ),
        "the scheduler chooses the node of a student's Pod: no nodeName": (
            # The scheduler writes it into the Pod.
            "(dyn(object).kind == 'Pod' && request.operation == 'UPDATE') || "
            + _pod("pod.?spec.?nodeName.orValue('') == ''")
        ),
        "a student's Pods stay off control plane nodes: no nodeSelector by role": _pod(
            "pod.?spec.?nodeSelector.orValue({}).all(key, !key.startsWith('node-role.kubernetes.io/'))"
        ),
        f"a student's Pods tolerate no taints but {', '.join(_TOLERATIONS)}": _pod(
            "pod.?spec.?tolerations.orValue([]).all(toleration, "
            f"toleration.?key.orValue('') in {literals(_TOLERATIONS)})"
        ),
        f"a student's Pods do not run as the account {ACCOUNT}: its tokens end with the handout": _pod(
            f"pod.?spec.?serviceAccountName.orValue('') != '{ACCOUNT}' && "
            f"pod.?spec.?serviceAccount.orValue('') != '{ACCOUNT}'"
        ),
        f"a student's Pods end within {_LONGEST_END} seconds": _pod(
            f"pod.?spec.?terminationGracePeriodSeconds.orValue(0) <= {_LONGEST_END}"
        ),
    }


def _annotations() -> Rules:
    foreign = " || ".join(f"key.startsWith('{each}')" for each in _FOREIGN_ANNOTATIONS)
    return {
        "an annotation of Istio is not for students: the mesh decides image, files and configuration of the sidecar": (
            _pod(
                "pod.?metadata.?annotations.orValue({}).all(key, !key.contains('istio.io/') || "
                f"key in {literals(_ISTIO_ANNOTATIONS)})"
            )
        ),
        "an annotation is not for students: it gives a Pod other networks or rights, or keeps a node from going": _pod(
            f"pod.?metadata.?annotations.orValue({{}}).all(key, !({foreign}))"
        ),
        "a student's Pods are no gateways of the mesh: no label istio with the name of a gateway": _pod(
            "!pod.?metadata.?labels.orValue({}).?istio.orValue('').endsWith('gateway') && "
            "!('gateway.networking.k8s.io/gateway-name' in pod.?metadata.?labels.orValue({}))"
        ),
    }
