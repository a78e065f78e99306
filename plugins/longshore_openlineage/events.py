"""From facts to OpenLineage's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore import __version__
from longshore_openlineage.names import dataset_name

if TYPE_CHECKING:
    from datetime import datetime

    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent

    from longshore_openlineage.facts import Fact
    from longshore_openlineage.totals import Total

PRODUCER: Final = f"urn:longshore:{__version__}"


def event_of(fact: Fact) -> RunEvent:
    """Return the event that tells a fact."""
    from openlineage.client import event_v2

    return event_v2.RunEvent(
        eventType=event_v2.RunState[fact.kind],
        eventTime=_time(fact.time),
        producer=PRODUCER,
        run=event_v2.Run(runId=fact.link.run, facets=_run_facets(fact)),
        job=event_v2.Job(namespace=fact.link.namespace, name=fact.link.job, facets=_job_facets(fact)),
        inputs=[_input(total) for total in fact.datasets if total.direction == "read"],
        outputs=[_output(total) for total in fact.datasets if total.direction == "write"],
    )


def _made(facet: Any, **fields: Any) -> Any:
    """Return a facet that says who made it; checkers do not see how attrs names the argument."""
    return facet(**fields, producer=PRODUCER)


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _run_facets(fact: Fact) -> dict[str, Any]:
    from openlineage.client.facet_v2 import error_message_run, nominal_time_run, processing_engine_run

    facets: dict[str, Any] = {
        "processing_engine": _made(
            processing_engine_run.ProcessingEngineRunFacet,
            version=__version__,
            name="Longshore",
            openlineageAdapterVersion=__version__,
        )
    }
    if fact.parent is not None:
        facets["parent"] = _parent(fact)
    if fact.due is not None:
        facets["nominalTime"] = _made(nominal_time_run.NominalTimeRunFacet, nominalStartTime=_time(fact.due))
    if fact.message:
        facets["errorMessage"] = _made(
            error_message_run.ErrorMessageRunFacet,
            message=fact.message,
            programmingLanguage="Python",
            stackTrace=fact.trace or None,
        )
    return facets


def _parent(fact: Fact) -> Any:
    from openlineage.client.facet_v2 import parent_run

    assert fact.parent is not None
    root = fact.root or fact.parent
    return _made(
        parent_run.ParentRunFacet,
        run=parent_run.Run(runId=fact.parent.run),
        job=parent_run.Job(namespace=fact.parent.namespace, name=fact.parent.job),
        root=parent_run.Root(
            run=parent_run.RootRun(runId=root.run),
            job=parent_run.RootJob(namespace=root.namespace, name=root.job),
        ),
    )


def _job_facets(fact: Fact) -> dict[str, Any]:
    from openlineage.client.facet_v2 import documentation_job, job_type_job, tags_job

    facets: dict[str, Any] = {
        "jobType": _made(
            job_type_job.JobTypeJobFacet,
            processingType="BATCH",
            integration="LONGSHORE",
            jobType=fact.job_type,
        )
    }
    if fact.about:
        facets["documentation"] = _made(documentation_job.DocumentationJobFacet, description=fact.about)
    if fact.tags:
        tags = [
            tags_job.TagsJobFacetFields(key=tag, value="true", source="LONGSHORE")
            for tag in dict.fromkeys(fact.tags)
        ]
        facets["tags"] = _made(tags_job.TagsJobFacet, tags=tags)
    return facets


def _input(total: Total) -> InputDataset:
    from openlineage.client import event_v2
    from openlineage.client.facet_v2 import input_statistics_input_dataset as statistics

    namespace, name = dataset_name(total.uri)
    facets = _sums("inputStatistics", statistics.InputStatisticsInputDatasetFacet, total)
    return event_v2.InputDataset(
        namespace=namespace, name=name, inputFacets=facets, facets=_dataset_facets(total, namespace)
    )


def _output(total: Total) -> OutputDataset:
    from openlineage.client import event_v2
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    namespace, name = dataset_name(total.uri)
    facets = _sums("outputStatistics", statistics.OutputStatisticsOutputDatasetFacet, total)
    return event_v2.OutputDataset(
        namespace=namespace, name=name, outputFacets=facets, facets=_dataset_facets(total, namespace)
    )


def _sums(word: str, kind: type[Any], total: Total) -> dict[str, Any]:
    files = total.files if total.files > 1 else None
    if total.bytes is None and total.rows is None and files is None:
        return {}
    return {word: _made(kind, rowCount=total.rows, size=total.bytes, fileCount=files)}


def _dataset_facets(total: Total, namespace: str) -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset, datasource_dataset, schema_dataset

    facets: dict[str, Any] = {
        "dataSource": _made(datasource_dataset.DatasourceDatasetFacet, name=namespace, uri=namespace)
    }
    if total.version:
        facets["version"] = _made(
            dataset_version_dataset.DatasetVersionDatasetFacet, datasetVersion=total.version
        )
    if total.columns:
        fields = [
            schema_dataset.SchemaDatasetFacetFields(name=name, type=kind or None)
            for name, kind in total.columns
        ]
        facets["schema"] = _made(schema_dataset.SchemaDatasetFacet, fields=fields)
    return facets
