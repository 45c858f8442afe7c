"""What a build tells about itself."""

from devcluster.estimate import BuildEstimate, Target

TARGET = Target("tool", ".", packages=100, processor_seconds=240.0)


def estimate() -> BuildEstimate:
    return BuildEstimate(TARGET, processors=2, started=1000.0)


def test_the_announcement_divides_the_work_among_the_processors() -> None:
    assert "about 2 min on 2 cores" in estimate().announcement()


def test_lines_soon_after_each_other_say_nothing() -> None:
    build = estimate()
    assert build.after_line("k8s.io/api/core/v1\n", 1001.0) is None
    assert build.after_line("k8s.io/api/apps/v1\n", 1014.9) is None


def test_the_time_left_follows_from_the_share_that_is_compiled() -> None:
    build = estimate()
    for number in range(24):
        build.after_line(f"k8s.io/package{number}\n", 1001.0)
    said = build.after_line("k8s.io/one/more\n", 1030.0)
    assert said == "building tool: 25 of at most 100 packages compiled, 30 s, about 1.5 min left"


def test_while_modules_are_fetched_no_time_is_promised() -> None:
    build = estimate()
    build.after_line("go: downloading k8s.io/api v0.36.2\n", 1001.0)
    assert build.after_line("go: downloading k8s.io/apiserver v0.36.2\n", 1016.0) == (
        "building tool: 2 modules fetched, 16 s"
    )


def test_more_packages_than_expected_are_no_negative_time() -> None:
    build = estimate()
    for number in range(200):
        build.after_line(f"k8s.io/package{number}\n", 1001.0)
    assert "about 0.0 min left" in str(build.after_line("k8s.io/one/more\n", 1030.0))


def test_errors_of_the_compiler_are_no_packages() -> None:
    build = estimate()
    build.after_line("# ddm-operator/devcluster\n", 1001.0)
    build.after_line("./main.go:3:1: syntax error\n", 1001.0)
    assert build.compiled == 0
