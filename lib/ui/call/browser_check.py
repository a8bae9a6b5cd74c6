"""Asks the browser itself what a call needs of it: a safe address, a microphone, a camera, WebRTC. Opens no device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lib.services.diagnostics.service import CheckId, CheckResult, HealthCheck

_JS = """
export default async function ({ setStateValue }) {
  const told = { secure: isSecureContext, webrtc: typeof RTCPeerConnection === "function", microphone: "unknown",
                 camera: "unknown", microphones: -1, cameras: -1, speech: "speechSynthesis" in window };
  for (const name of ["microphone", "camera"]) {
    try { told[name] = (await navigator.permissions.query({ name })).state; } catch { /* not every browser tells */ }
  }
  try {
    const devices = await navigator.mediaDevices.enumerateDevices();
    told.microphones = devices.filter(device => device.kind === "audioinput").length;
    told.cameras = devices.filter(device => device.kind === "videoinput").length;
  } catch { /* without a safe address there is no list */ }
  setStateValue("told", told);
}
"""
_ALLOW = "Click the icon at the left of the address and allow the {name} for this page."


def draw_browser_check() -> list[HealthCheck]:
    """What this browser says, as checks; [] until it has answered."""
    told = ask("unseen-browser")
    return checks(told) if told is not None else []


def ask(key: str) -> Mapping[str, Any] | None:
    """What this browser says; None until it has answered, which draws the page once more."""
    component = st.components.v2.component("greenroom_browser", html="<span></span>", js=_JS)
    answer = component(key=key, on_told_change=lambda: None)
    told = answer.get("told") if isinstance(answer, Mapping) else None
    return told if isinstance(told, Mapping) else None


def checks(told: Mapping[str, Any]) -> list[HealthCheck]:
    """The browser's answer in words. A missing device is to look at: text and listening work without."""
    if not told.get("secure"):
        cause = "This page is neither on https nor on localhost, so the browser gives it no microphone and no camera."
        fix = "Open it as http://localhost, or put https in front of it."
        return [HealthCheck(CheckId.BROWSER, CheckResult.FAIL, cause, fix)]
    if not told.get("webrtc"):
        cause = "This browser has no WebRTC, or it is switched off."
        return [HealthCheck(CheckId.BROWSER, CheckResult.FAIL, cause, "Use a current Chrome, Edge, Firefox or Safari.")]
    found = [HealthCheck(CheckId.BROWSER, CheckResult.PASS, "Safe address and WebRTC: calls can be drawn.")]
    return found + [_device(name, told) for name in (CheckId.MICROPHONE, CheckId.CAMERA)]


def _device(name: CheckId, told: Mapping[str, Any]) -> HealthCheck:
    count, state = told.get(f"{name}s", -1), told.get(name)
    if state == "denied":
        cause = f"This page may not use the {name}: that was refused once."
        return HealthCheck(name, CheckResult.LOOK, cause, _ALLOW.format(name=name))
    if count == 0:
        then = "The avatar can be written to." if name is CheckId.MICROPHONE else "Calls work without one."
        return HealthCheck(
            name, CheckResult.LOOK, f"The browser finds none. {then}", f"Connect a {name} and reload the page."
        )
    asked = "allowed" if state == "granted" else "the room asks for it"
    return HealthCheck(name, CheckResult.PASS, f"{f'{count} found, ' if count > 0 else ''}{asked}.")
