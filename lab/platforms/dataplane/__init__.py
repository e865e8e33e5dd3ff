"""Real workloads for chosen Pods of the embedded cluster: processes in network namespaces, with a real Envoy beside.

kwok makes Pods look as if they ran. Here some of them do: `agent` follows the cluster as a kubelet does, `sandbox`
gives each Pod a network namespace with the Pod's own address, `proxy` its sidecar, and `workloads.yaml` says which Pods
and as what. Everything lives inside one process-id namespace, so that nothing can outlive it.
"""
