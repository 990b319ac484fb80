from windtunnel.hadoop.yarn import Application, rows

PAGE = r"""
<script type="text/javascript">
              var appsTableData=[
["<a href='/cluster/app/application_1_0002'>application_1_0002</a>","hadoop","it\'s [a] &lt;job&gt;","SPARK","","root.default","0","1795375454690","1795375454905","0","RUNNING","UNDEFINED","2","<a href='http://localhost:8088/proxy/application_1_0002/'>ApplicationMaster</a>","0"],
["<a href='/cluster/app/application_1_0001'>application_1_0001</a>","hadoop","tiny","SPARK","","root.default","0","1795375250666","1795375252656","1795375316838","FINISHED","SUCCEEDED","N/A","<a href='#'>History</a>","0"]
]
            </script>
"""  # noqa: E501


def test_applications_are_read_from_the_page() -> None:
    running, finished = (Application.of(row, "http://127.0.0.1:8088") for row in rows(PAGE))
    assert running == Application(
        id="application_1_0002",
        name="it's [a] <job>",
        type="SPARK",
        state="RUNNING",
        final_status="UNDEFINED",
        started_at=1795375454.690,
        finished_at=None,
        tracking_url="http://127.0.0.1:8088/proxy/application_1_0002/",
    )
    assert (finished.final_status, finished.finished_at) == ("SUCCEEDED", 1795375316.838)


def test_a_page_without_applications_has_none() -> None:
    assert rows("var appsTableData=[\n]\n") == []
