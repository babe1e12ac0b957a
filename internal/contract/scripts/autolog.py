"""Trains with scikit-learn, which the SDK logs by itself."""

from sdk import CURRENT, KEYS, PROJECT, WORKSPACE, comet_ml

if CURRENT:
    e = comet_ml.start(
        workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["autolog"],
        experiment_config=comet_ml.ExperimentConfig(name="autolog", display_summary_level=0))
else:
    e = comet_ml.Experiment(
        workspace=WORKSPACE, project_name=PROJECT, experiment_key=KEYS["autolog"], display_summary_level=0)

from sklearn.datasets import load_iris  # noqa: E402  after comet_ml, which patches it
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.metrics import accuracy_score, confusion_matrix  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

x, y = load_iris(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
model = make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=5, random_state=0))
model.fit(x_train, y_train)
predicted = model.predict(x_test)
e.log_metric("accuracy", accuracy_score(y_test, predicted))
e.log_confusion_matrix(matrix=confusion_matrix(y_test, predicted).tolist())
if CURRENT:
    from comet_ml.integration.sklearn import log_model

    log_model(e, "iris", model)
e.end()
