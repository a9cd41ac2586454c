# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON of each kind of object, keys in the order in which Coder writes them."""

from __future__ import annotations

import uuid
from typing import Any

from emulator.builds import NEVER, Agent, Build, Workspace
from emulator.clock import go_time
from emulator.status import current_state, task_status
from emulator.world import Preset, Task, Template, User, Version, World, parameter_values

_ZERO = str(uuid.UUID(int=0))
_PAST = "2026-01-01T00:00:00.000001Z"
_METADATA = {
    "template_version_name": "",
    "template_id": _ZERO,
    "template_name": "",
    "template_display_name": "",
    "template_icon": "",
}


class Views:
    """Renders objects of one world in its dialect."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dialect = world.dialect

    def _shape(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        omitted = self.dialect.omit.get(kind, ())
        kept = {key: item for key, item in value.items() if key not in omitted}
        return {**kept, **self.dialect.extra.get(kind, {})}

    def _time(self, moment: float) -> str:
        return go_time(self.world.clock.wall(moment))

    def buildinfo(self, base_url: str) -> dict[str, Any]:
        return self._shape(
            "buildinfo",
            {
                "external_url": "https://github.com/coder/coder",
                "version": self.dialect.version,
                "dashboard_url": base_url,
                "telemetry": False,
                "workspace_proxy": False,
                "agent_api_version": "1.0",
                "provisioner_api_version": self.dialect.provisioner_api,
                "upgrade_message": "",
                "deployment_id": self.world.deployment_id,
                "webpush_public_key": "BPublicKeyOfTheEmulator",
            },
        )

    def user(self, user: User) -> dict[str, Any]:
        return self._shape(
            "user",
            {
                "id": user.id,
                "username": user.username,
                **({"name": user.name} if user.name else {}),
                "email": user.email,
                "created_at": _PAST,
                "updated_at": _PAST,
                "last_seen_at": _PAST,
                "status": user.status,
                "login_type": "password",
                "organization_ids": [self.world.organization["id"]],
                "roles": [{"name": "owner", "display_name": "Owner"}] if user.owner else [],
                "has_ai_seat": False,
            },
        )

    def organization(self) -> dict[str, Any]:
        organization = self.world.organization
        return self._shape(
            "organization",
            {
                "id": organization["id"],
                "name": organization["name"],
                "display_name": organization["display_name"],
                "icon": "",
                "description": organization["description"],
                "created_at": _PAST,
                "updated_at": _PAST,
                "is_default": True,
                "default_org_member_roles": ["organization-workspace-access"],
            },
        )

    def template(self, template: Template) -> dict[str, Any]:
        organization = self.world.organization
        times: dict[str, Any] = {"P50": None, "P95": None}
        days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        return self._shape(
            "template",
            {
                "id": template.id,
                "created_at": _PAST,
                "updated_at": _PAST,
                "organization_id": organization["id"],
                "organization_name": organization["name"],
                "organization_display_name": organization["display_name"],
                "organization_icon": "",
                "name": template.name,
                "display_name": template.display_name,
                "provisioner": "terraform",
                "active_version_id": template.active_version.id,
                "active_user_count": 0,
                "build_time_stats": {"delete": times, "start": times, "stop": times},
                "description": "",
                "deprecated": bool(template.deprecated),
                "deprecation_message": template.deprecated,
                "deleted": False,
                "icon": "",
                "default_ttl_ms": 0,
                "activity_bump_ms": 3600000,
                "autostop_requirement": {"days_of_week": [], "weeks": 1},
                "autostart_requirement": {"days_of_week": days},
                "created_by_id": self.world.users[0].id,
                "created_by_name": self.world.users[0].username,
                "allow_user_autostart": True,
                "allow_user_autostop": True,
                "allow_user_cancel_workspace_jobs": False,
                "failure_ttl_ms": 0,
                "time_til_dormant_ms": 0,
                "time_til_dormant_autodelete_ms": 0,
                "require_active_version": False,
                "max_port_share_level": "public",
                "cors_behavior": "simple",
                "use_classic_parameter_flow": False,
                "disable_module_cache": False,
            },
        )

    def version(self, version: Version) -> dict[str, Any]:
        creator = self.world.users[0]
        return {
            "id": version.id,
            "template_id": version.template.id,
            "organization_id": self.world.organization["id"],
            "created_at": _PAST,
            "updated_at": _PAST,
            "name": version.name,
            "message": "",
            "job": {
                "id": _derived(version.id, "job"),
                "created_at": _PAST,
                "started_at": _PAST,
                "completed_at": _PAST,
                "status": "succeeded",
                "worker_id": _derived(self.world.deployment_id, "worker"),
                "file_id": _derived(version.id, "file"),
                "tags": {"owner": "", "scope": "organization"},
                "queue_position": 0,
                "queue_size": 0,
                "organization_id": self.world.organization["id"],
                "initiator_id": creator.id,
                "input": {"template_version_id": version.id},
                "type": "template_version_import",
                "metadata": _METADATA,
                "logs_overflowed": False,
            },
            "readme": "",
            "created_by": self._shape(
                "created_by", {"id": creator.id, "username": creator.username, "name": creator.name}
            ),
            "archived": False,
            "has_external_agent": False,
        }

    @staticmethod
    def preset(preset: Preset) -> dict[str, Any]:
        return {
            "ID": preset.id,
            "Name": preset.name,
            "Parameters": [{"Name": name, "Value": value} for name, value in preset.parameters.items()],
            "Default": preset.default,
            "DesiredPrebuildInstances": 0,
            "Description": preset.description,
            "Icon": preset.icon,
        }

    @staticmethod
    def parameters(version: Version) -> list[dict[str, Any]]:
        return [
            {
                "name": parameter.name,
                **({"display_name": parameter.display_name} if parameter.display_name else {}),
                "description": parameter.description,
                "description_plaintext": parameter.description,
                "type": "string",
                "form_type": parameter.form_type,
                "mutable": parameter.mutable,
                "default_value": parameter.default_value,
                "icon": "",
                "options": [
                    {"name": option["name"], "description": "", "value": option["value"], "icon": ""}
                    for option in parameter.options
                ],
                "required": parameter.required,
                "ephemeral": parameter.ephemeral,
            }
            for parameter in version.parameters
        ]

    def task(self, task: Task, *, just_created: bool = False) -> dict[str, Any]:
        """A task; just_created: as the answer to its creation, when the job has left the queue unnoticed."""
        workspace, dialect = task.workspace, self.dialect
        status, agent = task_status(workspace, dialect), workspace.agent()
        if just_created and status == "pending" and not dialect.task_is_workspace and workspace.latest.started < NEVER:
            status = "initializing"
        if dialect.task_is_workspace:
            app_id = workspace.app_id if workspace.has_app() else None
        else:
            app_id = workspace.app_id if agent else None
        return self._shape(
            "task",
            {
                "id": task.id,
                "organization_id": self.world.organization["id"],
                "owner_id": task.owner.id,
                "owner_name": task.owner.username,
                "name": task.name,
                "display_name": task.display_name,
                "template_id": workspace.template.id,
                "template_version_id": workspace.version.id,
                "template_name": workspace.template.name,
                "template_display_name": workspace.template.display_name,
                "template_icon": "",
                "workspace_id": workspace.id,
                "workspace_name": workspace.name,
                "workspace_status": workspace.status(),
                "workspace_build_number": workspace.latest.number,
                "workspace_agent_id": agent.id if agent else None,
                "workspace_agent_lifecycle": agent.lifecycle() if agent else None,
                "workspace_agent_health": agent.health(dialect) if agent else None,
                "workspace_app_id": app_id,
                "initial_prompt": task.prompt,
                "status": status,
                "current_state": current_state(workspace, dialect, status),
                "created_at": self._time(task.created),
                "updated_at": self._time(workspace.created),
            },
        )

    def workspace(self, workspace: Workspace) -> dict[str, Any]:
        template, agent = workspace.template, workspace.agent()
        healthy = agent is None or agent.health(self.dialect)["healthy"]
        report = workspace.last_report()
        return self._shape(
            "workspace",
            {
                "id": workspace.id,
                "created_at": self._time(workspace.created),
                "updated_at": self._time(workspace.created),
                "owner_id": workspace.owner.id,
                "owner_name": workspace.owner.username,
                "owner_avatar_url": "",
                "organization_id": self.world.organization["id"],
                "organization_name": self.world.organization["name"],
                "template_id": template.id,
                "template_name": template.name,
                "template_display_name": template.display_name,
                "template_icon": "",
                "template_allow_user_cancel_workspace_jobs": False,
                "template_active_version_id": template.active_version.id,
                "template_require_active_version": False,
                "template_use_classic_parameter_flow": False,
                "latest_build": self.build(workspace, workspace.latest),
                "latest_app_status": self._status_of_app(workspace, report) if report else None,
                "outdated": workspace.version is not template.active_version,
                "name": workspace.name,
                "last_used_at": self._time(workspace.created),
                "deleting_at": None,
                "dormant_at": None,
                "health": {"healthy": healthy, "failing_agents": [] if healthy or not agent else [agent.id]},
                "automatic_updates": "never",
                "allow_renames": False,
                "favorite": False,
                "next_start_at": None,
                "is_prebuild": False,
                "task_id": workspace.task.id if workspace.task else None,
            },
        )

    def build(self, workspace: Workspace, build: Build, *, fresh: bool = False) -> dict[str, Any]:
        """A build; fresh: as the answer to its creation, which knows the provisioners but not the version's name."""
        now = self.world.clock.now()
        job = build.job_status(now)
        resources = self._resources(workspace, build) if job == "succeeded" else []
        view: dict[str, Any] = {
            "id": build.id,
            "created_at": self._time(build.created),
            "updated_at": self._time(build.completed if job not in ("pending", "running") else build.created),
            "workspace_id": workspace.id,
            "workspace_name": workspace.name,
            "workspace_owner_id": workspace.owner.id,
            "workspace_owner_name": workspace.owner.username,
            "template_version_id": build.version.id,
            "template_version_name": "" if fresh else build.version.name,
            "build_number": build.number,
            "transition": build.transition,
            "initiator_id": build.initiator.id,
            "initiator_name": build.initiator.username,
            "job": self._job(build, job),
            "reason": build.reason,
            "resources": resources,
            "deadline": None,
            "max_deadline": None,
            "status": build.status(now),
            "daily_cost": 0,
            "matched_provisioners": {
                "count": 3 if fresh else 0,
                "available": 3 if fresh else 0,
                "most_recently_seen": self._time(now) if fresh else None,
            },
            "template_version_preset_id": build.preset_id,
        }
        if job == "succeeded":
            view["has_ai_task"] = build.transition != "delete"
            if self.dialect.task_is_workspace and build.transition != "delete":
                view["ai_task_sidebar_app_id"] = workspace.app_id
            view["has_external_agent"] = False
        return view

    def _job(self, build: Build, status: str) -> dict[str, Any]:
        begun = status not in ("pending",)
        ended = status in ("succeeded", "failed", "canceled")
        return {
            "id": build.job_id,
            "created_at": self._time(build.created),
            **({"started_at": self._time(build.started)} if begun else {}),
            **({"completed_at": self._time(build.completed)} if ended else {}),
            **({"canceled_at": self._time(build.canceled)} if status in ("canceling", "canceled") else {}),
            **({"error": build.error} if status == "failed" else {}),
            "status": status,
            **({"worker_id": _derived(self.world.deployment_id, "worker")} if begun else {}),
            "file_id": _derived(build.version.id, "file"),
            "tags": {"owner": "", "scope": "organization"},
            "queue_position": 0,
            "queue_size": 0,
            "organization_id": self.world.organization["id"],
            "initiator_id": build.initiator.id,
            "input": {"workspace_build_id": build.id},
            "type": "workspace_build",
            "metadata": _METADATA,
            "logs_overflowed": False,
        }

    def _resources(self, workspace: Workspace, build: Build) -> list[dict[str, Any]]:
        if build.transition == "delete":
            return []

        def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
            return {
                "id": _derived(build.id, f"resource {name}"),
                "created_at": self._time(build.completed),
                "job_id": build.job_id,
                "workspace_transition": build.transition,
                "type": kind,
                "name": name,
                "hide": False,
                "icon": "",
                **more,
                "daily_cost": 0,
            }

        resources = []
        agent = workspace.agents.get(build.number) if build.transition == "start" else None
        if agent is not None:
            resources.append(resource("terraform_data", "run", agents=[self.agent(workspace, agent)]))
        return [*resources, resource("coder_ai_task", "task")]

    def agent(self, workspace: Workspace, agent: Agent) -> dict[str, Any]:
        connected, ready = agent.is_connected(), agent.lifecycle() == "ready"
        walk = self.dialect.walk
        first = self._time(agent.since() + walk.connected)
        started = agent.lifecycle() != "created"
        status = ("disconnected" if agent.is_dead() else "connected") if connected else "connecting"
        return {
            "id": agent.id,
            "parent_id": None,
            "created_at": self._time(agent.since()),
            "updated_at": self._time(agent.since()),
            **({"first_connected_at": first, "last_connected_at": first} if connected else {}),
            **({"disconnected_at": self._time(agent.dead_since)} if agent.is_dead() else {}),
            **({"started_at": self._time(agent.since() + walk.started)} if started else {}),
            **({"ready_at": self._time(agent.since() + walk.ready)} if ready else {}),
            "status": status,
            "lifecycle_state": agent.lifecycle(),
            "name": "main",
            "resource_id": _derived(agent.build.id, "resource run"),
            "architecture": "amd64",
            "environment_variables": None,
            "operating_system": "linux",
            "logs_length": 0,
            "logs_overflowed": False,
            "version": self.dialect.version if connected else "",
            "api_version": "2.10" if connected else "",
            "apps": self._apps(workspace, agent),
            **({"latency": {"Coder Embedded Relay": {"preferred": True, "latency_ms": 2.5}}} if connected else {}),
            "connection_timeout_seconds": 120,
            "troubleshooting_url": "https://coder.com/docs/admin/templates/troubleshooting",
            "subsystems": [],
            "health": agent.health(self.dialect),
            "display_apps": ["vscode", "ssh_helper", "port_forwarding_helper", "web_terminal"],
            "log_sources": [self._log_source(agent, name) for name in ("agentapi", "AgentAPI shutdown")],
            "scripts": [
                self._script(agent, "agentapi", start=True, done=ready),
                self._script(agent, "AgentAPI shutdown", start=False, done=False),
            ],
            "startup_script_behavior": "blocking",
        }

    def _apps(self, workspace: Workspace, agent: Agent) -> list[dict[str, Any]]:
        url = f"http://localhost:{agent.api.port}"
        reports = [report for report in workspace.reports if report.time <= self.world.clock.now()]
        common = {"subdomain": False, "sharing_level": "owner"}
        return [
            {
                "id": workspace.app_id,
                "url": url,
                "external": False,
                "slug": "preview",
                "display_name": "Agent",
                **common,
                "healthcheck": {"url": f"{url}/status", "interval": 1, "threshold": 3},
                "health": agent.app_health(),
                "hidden": False,
                "open_in": "slim-window",
                "statuses": [self._status_of_app(workspace, report) for report in reversed(reports)],
            },
            {
                "id": workspace.command_app_id,
                "external": False,
                "slug": "ccw",
                "display_name": "CCW",
                "command": "true",
                **common,
                "healthcheck": {"url": "", "interval": 0, "threshold": 0},
                "health": "disabled",
                "hidden": False,
                "open_in": "slim-window",
                "statuses": [],
            },
        ]

    def _status_of_app(self, workspace: Workspace, report: Any) -> dict[str, Any]:
        agent = workspace.agents[max(workspace.agents)]
        return {
            "id": _derived(workspace.id, f"report {report.time}"),
            "created_at": self._time(report.time),
            "workspace_id": workspace.id,
            "agent_id": agent.id,
            "app_id": workspace.app_id,
            "state": report.state,
            "message": report.message,
            "uri": report.uri,
            "icon": "",
            "needs_user_attention": False,
        }

    def _log_source(self, agent: Agent, name: str) -> dict[str, Any]:
        return {
            "workspace_agent_id": agent.id,
            "id": _derived(agent.id, f"source {name}"),
            "created_at": self._time(agent.since()),
            "display_name": name,
            "icon": "",
        }

    def _script(self, agent: Agent, name: str, *, start: bool, done: bool) -> dict[str, Any]:
        view = self._shape(
            "script",
            {
                "id": _derived(agent.id, f"script {name}"),
                "log_source_id": _derived(agent.id, f"source {name}"),
                "log_path": "",
                "script": "#!/bin/bash\n",
                "cron": "",
                "run_on_start": start,
                "run_on_stop": not start,
                "start_blocks_login": start,
                "timeout": 0,
                "display_name": name,
                "exit_code": 0,
                "status": "ok",
            },
        )
        if not done:
            view.pop("exit_code", None)
            view.pop("status", None)
        return view

    @staticmethod
    def build_parameters(build: Build) -> list[dict[str, str]]:
        values = build.parameters or parameter_values(build.version, None)
        return [{"name": name, "value": value} for name, value in values.items()]

    def build_logs(self, build: Build, after: int) -> list[dict[str, Any]]:
        """The log of a build's job, as far as it has come."""
        lines = [
            ("provisioner_daemon", "info", "Setting up", "", build.created),
            ("provisioner", "info", f"Running terraform {build.transition}", "", build.started),
        ]
        if build.error:
            stage = f"Running terraform {build.transition}"
            for text in build.output:
                level = "error" if text.startswith("Error") else "info"
                lines.append(("provisioner", level, stage, text, build.completed))
        lines.append(("provisioner_daemon", "info", "Cleaning Up", "", build.completed))
        return [
            {
                "id": number,
                "created_at": self._time(moment),
                "log_source": source,
                "log_level": level,
                "stage": stage,
                "output": output,
            }
            for number, (source, level, stage, output, moment) in enumerate(lines, start=1)
            if moment <= self.world.clock.now() and number > after
        ]


def _derived(identity: str, what: str) -> str:
    """An id that follows from another one, so that it need not be kept."""
    return str(uuid.uuid5(uuid.UUID(identity), what))
