"""The operations that are refused, each with its reason."""

from collections.abc import Mapping

_PAGES = "the pages of YARN and of Spark are on your own machine: `make status` names them"
_STUDIO = "EMR Studio is an application that Amazon hosts; no cluster runs it"
_NOTEBOOKS = "notebooks belong to EMR Studio; add a step that runs the code"
_SESSIONS = "interactive sessions are not executed; add a step that runs the code"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("CreatePersistentAppUI", "DescribePersistentAppUI"), _PAGES),
    **dict.fromkeys(("GetPersistentAppUIPresignedURL", "GetOnClusterAppUIPresignedURL"), _PAGES),
    **dict.fromkeys(
        ("CreateStudio", "DescribeStudio", "ListStudios", "UpdateStudio", "DeleteStudio"), _STUDIO
    ),
    **dict.fromkeys(("CreateStudioSessionMapping", "GetStudioSessionMapping"), _STUDIO),
    **dict.fromkeys(("ListStudioSessionMappings", "UpdateStudioSessionMapping"), _STUDIO),
    "DeleteStudioSessionMapping": _STUDIO,
    **dict.fromkeys(("StartNotebookExecution", "StopNotebookExecution"), _NOTEBOOKS),
    **dict.fromkeys(("DescribeNotebookExecution", "ListNotebookExecutions"), _NOTEBOOKS),
    **dict.fromkeys(("StartSession", "GetSession", "ListSessions", "TerminateSession"), _SESSIONS),
    "GetSessionEndpoint": _SESSIONS,
    "GetClusterSessionCredentials": "steps have the cluster's own credentials, and no runtime role to give any for",
}
