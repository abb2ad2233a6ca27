"""`nunbit explain` from a small trained run to its folder, and the same from Python."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import softmax

import nunbit
from nunbit.bundle import Bundle
from nunbit.classifier import Classifier
from nunbit.cli import main
from nunbit.data.preprocess import Preprocess
from nunbit.errors import UsageError
from nunbit.explain.images import Wanted
from nunbit.pipelines.explain import explain_run
from tests.end_to_end.pieces import write_pieces
from tests.explain.test_layers import hooks
from tests.reports.run.page import Page


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pieces of two photographs, a file that is no image, and a bundle alone."""
    home = tmp_path_factory.mktemp("explaining")
    write_pieces(home / "photos")
    settings = {"model": "smallcnn", "epochs": 1, "image_size": 16, "augment": "none"}
    nunbit.train(home / "photos", out=home / "run", **settings)
    shutil.copytree(home / "run" / "model", home / "bundle")
    (home / "broken.png").write_bytes(b"no image")
    return home


@pytest.fixture(scope="module")
def folder(home: Path) -> Path:
    """What the command makes of two images and all that can be asked for, but for the checks."""
    files = ["photos/flower/00.png", "photos/temple/01.png"]
    arguments = ["--layer", "features.4", "--stages", "--class", "flower", "--no-checks"]
    paths = [str(home / file) for file in files]
    command = ["explain", str(home / "run"), *paths, "--out", str(home / "out"), *arguments]
    assert main([*command, "--quiet"]) == 0
    return home / "out"


@pytest.fixture
def classifier(home: Path) -> Classifier:
    return nunbit.load(home / "run", device="cpu")


def test_the_folder_holds_a_page_and_every_picture(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    maps = ("features.3", "features.13", "features", "features.4")
    methods = ("grad-cam", "integrated-gradients", "occlusion")
    own = {"seen.png", "nearest.png", *(f"maps-{layer}.png" for layer in maps)}
    assert {name for name in names if "/" not in name} == {
        "explanation.html",
        "filters-features.0.png",
        "filters-features.4.png",
    }
    first = own | {f"{method}-flower.png" for method in methods}
    found = {name.partition("/")[2] for name in names if name.startswith("01-00/")}
    assert first <= found <= first | {f"{method}-temple.png" for method in methods}
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            image.verify()


def test_the_page_shows_each_image_with_its_maps(folder: Path) -> None:
    page = Page((folder / "explanation.html").read_text(encoding="utf-8"))
    assert page.section_names == ["overview", "image-1", "image-2", "filters", "how"]
    assert all(image.attributes.get("alt") for image in page.all("img"))
    assert all(image.attributes["src"].startswith("data:image/") for image in page.all("img"))
    text = page.section("image-1")
    assert "Evidence for flower" in text
    assert "Early · features.3 (ReLU): 64 maps of 8 × 8" in text
    assert "Training images that resemble it most" in text
    assert "The attribution maps are not checked" in page.section("overview")
    assert "64 filters of 3 × 3 × 3" in page.section("filters")
    assert "--no-checks" in page.section("how")


def test_a_training_image_resembles_itself_most(home: Path, tmp_path: Path) -> None:
    split = (home / "run" / "split.csv").read_text(encoding="utf-8").splitlines()[1:]
    path = next(row.split(",")[0] for row in split if ",train," in row)
    wanted = Wanted(methods=(), stages=False)
    file = home / "photos" / path
    done = explain_run(home / "run", [file], out=tmp_path / "out", wanted=wanted, device="cpu")
    ((first, *others),) = [explanation.neighbours for explanation in done.explanations]
    assert first.path == path
    assert first.label == path.partition("/")[0]
    assert first.similarity == pytest.approx(1, abs=1e-5)
    assert len(others) == 7
    assert [n.similarity for n in others] == sorted((n.similarity for n in others), reverse=True)
    np.testing.assert_array_equal(first.canvas, done.explanations[0].canvas)


def test_one_checked_map_and_what_could_not_be_read(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(home / "photos" / "flower" / "00.png"), str(home / "broken.png")]
    out = tmp_path / "out"
    command = ["explain", str(home / "run"), *paths, "--out", str(out), "--method", "gradients"]
    assert main(command) == 1
    told = capsys.readouterr()
    assert "broken.png" in told.err
    assert str(out / "explanation.html") in told.out
    assert "of 1" in told.out
    page = Page((out / "explanation.html").read_text(encoding="utf-8"))
    assert "1 attribution map passed both checks" in page.section("overview")
    assert "Left out: " in page.section("overview")
    assert "all layers" in page.section("image-1")
    assert len(page.all("svg", class_="chart")) == 1


def test_without_the_runs_data_the_page_says_why_no_image_resembles(
    home: Path, tmp_path: Path
) -> None:
    file = home / "photos" / "flower" / "00.png"
    wanted = Wanted(methods=(), stages=False)
    done = explain_run(home / "bundle", [file], out=tmp_path / "out", wanted=wanted)
    assert done.explanations[0].neighbours == ()
    text = Page(done.page.read_text(encoding="utf-8")).section("overview")
    assert "No training images are shown: this is not a run's folder" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "tempel"], "has no class 'tempel'"),
        (["--layer", "feature.3"], "no layer 'feature.3'"),
        (["--method", "grad"], "no attribution method is called 'grad'"),
        (["--images", "0"], "--images"),
    ],
)
def test_mistakes_end_before_anything_is_written(
    arguments: list[str], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = home / "never"
    file = str(home / "photos" / "flower" / "00.png")
    assert main(["explain", str(home / "run"), file, "--out", str(out), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_nothing_is_overwritten_and_nothing_readable_is_an_error(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    before = sorted(folder.rglob("*"))
    with pytest.raises(UsageError, match="nothing is overwritten"):
        explain_run(home / "run", [home / "photos" / "flower" / "00.png"], out=folder)
    assert sorted(folder.rglob("*")) == before
    with pytest.raises(UsageError, match="there is no image to explain") as refused:
        explain_run(home / "run", [home / "broken.png"], out=tmp_path / "out")
    assert refused.value.path == str(home / "broken.png")
    assert refused.value.remedy == "name image files, or folders that hold some"
    assert not (tmp_path / "out").exists()


def test_from_python_the_arrays_are_there(home: Path, classifier: Classifier) -> None:
    files = [home / "photos" / "flower" / f"{n:02d}.png" for n in (2, 3)]
    found = classifier.explain(files, classes=["temple"], methods=["gradients"], checks=False)
    np.testing.assert_allclose(
        [explanation.probabilities for explanation in found],
        classifier.predict_proba(files),
        atol=1e-6,
    )
    assert [e.predicted for e in found] == list(classifier.predict(files))
    for explanation, file in zip(found, files, strict=True):
        assert explanation.name == str(file)
        assert explanation.attribution("gradients").shape == (16, 16)
        assert explanation.attribution("gradients", "temple").dtype == np.float32
        assert [maps.layer.stage for maps in explanation.maps] == ["early", "middle", "late"]
        with pytest.raises(KeyError, match="no attribution by occlusion for"):
            explanation.attribution("occlusion")
    (again,) = classifier.explain(Image.open(files[0]), layers=["features.0"], methods=())
    assert again.name == "image 1"
    assert [maps.layer.name for maps in again.maps] == ["features.0"]


def test_explaining_leaves_the_model_as_it_was(home: Path, classifier: Classifier) -> None:
    model = classifier.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    classifier.explain([home / "photos" / "flower" / "00.png"], methods=["grad-cam"], checks=False)
    assert hooks(model) == 0
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.training


def test_the_probabilities_are_those_at_the_models_temperature(
    home: Path, classifier: Classifier
) -> None:
    file = home / "photos" / "temple" / "00.png"
    calm = Classifier(replace(classifier.bundle, temperature=4.0), device="cpu")
    (found,) = calm.explain(file, methods=())
    np.testing.assert_allclose(found.probabilities, calm.predict_proba(file)[0], atol=1e-6)
    (hot,) = classifier.explain(file, methods=())
    own = np.log(hot.probabilities) * classifier.bundle.temperature
    np.testing.assert_allclose(found.probabilities, softmax(own / 4.0), atol=1e-5)


def test_grad_cam_is_left_out_of_a_network_without_maps_but_refused_when_asked_for() -> None:
    contract = Preprocess(height=28, width=28, channels=1, mean=(0.5,), std=(0.5,))
    model = nunbit.create_model("mlp-100", classes=2, generator_seed=0)
    classifier = Classifier(
        Bundle(model=model, architecture="mlp-100", classes=("a", "b"), preprocess=contract)
    )
    image = np.zeros((28, 28), dtype=np.uint8)
    (found,) = classifier.explain(image, checks=False)
    assert [a.method for a in found.attributions] == ["integrated-gradients", "occlusion"]
    assert [maps.layer.places for maps in found.maps] == [None, None]
    with pytest.raises(UsageError, match="no layer of this"):
        classifier.explain(image, methods=["grad-cam"])


def test_without_captum_it_ends_at_once_and_says_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    file = home / "photos" / "flower" / "00.png"
    with pytest.raises(UsageError, match="needs captum") as caught:
        explain_run(home / "run", [file], out=tmp_path / "out")
    assert 'python -m pip install "nunbit[explain]"' in str(caught.value)
    done = explain_run(
        home / "bundle", [file], out=tmp_path / "out", wanted=Wanted(methods=(), stages=False)
    )
    assert done.page.is_file()


def test_filters_and_feature_maps_of_a_classifier_and_of_its_network(
    home: Path, classifier: Classifier
) -> None:
    file = home / "photos" / "flower" / "00.png"
    own, alone = nunbit.filters(classifier), nunbit.filters(classifier.model, shape=(3, 16, 16))
    np.testing.assert_array_equal(own.weights, alone.weights)
    assert nunbit.filters(classifier, "features.4").weights.shape == (64, 64, 3, 3)
    (of_file,) = nunbit.feature_maps(classifier, file)
    canvas = classifier.explain(file, methods=(), stages=False)[0].canvas
    images = classifier.subject.images(canvas[None])
    (of_tensor,) = nunbit.feature_maps(classifier.model, images)
    for one, other in zip(of_file, of_tensor, strict=True):
        assert one.layer == other.layer
        np.testing.assert_array_equal(one.maps, other.maps)
    ((maps,),) = nunbit.feature_maps(classifier, file, ["features.0"])
    assert maps.maps.shape == (64, 16, 16)


def test_what_a_network_and_a_classifier_cannot_take(classifier: Classifier) -> None:
    with pytest.raises(UsageError, match=r"shape=\(C, H, W\)"):
        nunbit.filters(classifier.model)
    with pytest.raises(UsageError, match="not tensors"):
        nunbit.feature_maps(classifier, torch.zeros(1, 3, 16, 16))
    with pytest.raises(UsageError, match="tensor of images"):
        nunbit.feature_maps(classifier.model, "photo.png")
