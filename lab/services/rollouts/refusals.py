"""Reasons for which the controller refuses a Rollout."""

from __future__ import annotations

import re

from lab.services.rollouts.wording import sentence

_REASONS = (
    (r'service "[^"]*" not found', "get services", ""),
    (
        r'Service "([^"]*)" has unmatch label "([^"]*)"',
        r"get service \1 -o yaml",
        r"The selector of the Service \1 has another value of \2 than the Pods.",
    ),
    (r'Service "([^"]*)" is managed by another Rollout', r"get service \1 -o yaml", "Each Rollout needs its own."),
    (r'virtualservices\S* "[^"]*" not found', "get virtualservices", ""),
    (r'virtualService\S*: Invalid value: "([^"]*)": Istio VirtualService', r"get virtualservice \1 -o yaml", ""),
    (r"destinationrules\S* .*not found", "get destinationrules", ""),
    (r"AnalysisTemplate '[^']*' not found", "get analysistemplates", ""),
    (
        r"args\.(\S+) was not resolved",
        "get analysistemplates -o yaml",
        r"The argument \1 of the AnalysisTemplate has no value: give it one in the Rollout, under args.",
    ),
    (r"runs indefinitely", "get analysistemplates -o yaml", ""),
    (r"deployments\.apps", "get deployments", ""),
    (r"`selector` does not match template `labels`", "", "The template needs each label of the selector."),
)
"""Patterns, each with the kubectl arguments that look closer and a hint; both may be empty."""


def read(message: str) -> tuple[str, str]:
    """Return the reason as sentences, and the kubectl arguments that look closer.

    Args:
        message: of the condition InvalidSpec.
    """
    reason = re.sub(r'^The Rollout "[^"]*" is invalid: ', "", message)
    for pattern, look, hint in _REASONS:
        if found := re.search(pattern, reason):
            return " ".join(filter(None, (sentence(reason), found.expand(hint)))), found.expand(look)
    return sentence(reason), ""
