// Reads the objects of a chart on standard input as Kubernetes' own types, strictly: an unknown field, a repeated one or a
// value of another type is an error. Each pod is judged by the Pod Security Standards, as the API server judges it.
//
// It writes one line of JSON for each object: its kind, its name, what "restricted" forbids, and the object as it was read.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type line struct {
	Kind      string         `json:"kind"`
	Name      string         `json:"name"`
	Forbidden []string       `json:"forbidden"`
	Object    runtime.Object `json:"object"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	if err := monitoring.AddToScheme(scheme.Scheme); err != nil {
		return err
	}
	strict := serializer.SerializerOptions{Yaml: true, Strict: true}
	decoder := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, strict)
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	documents := yaml.NewYAMLReader(bufio.NewReader(in))
	lines := json.NewEncoder(out)
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if empty(document) {
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, document)
		}
		named, ok := object.(metav1.Object)
		if !ok {
			return fmt.Errorf("%s has no name", kind)
		}
		if err := lines.Encode(line{kind.Kind, named.GetName(), forbidden(evaluator, object), object}); err != nil {
			return err
		}
	}
}

func empty(document []byte) bool {
	for _, text := range strings.Split(string(document), "\n") {
		if text = strings.TrimSpace(text); text != "" && text != "---" && !strings.HasPrefix(text, "#") {
			return false
		}
	}
	return true
}

func forbidden(evaluator policy.Evaluator, object runtime.Object) []string {
	meta, spec := pod(object)
	reasons := []string{}
	if spec == nil {
		return reasons
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(restricted, meta, spec) {
		if !result.Allowed {
			reasons = append(reasons, result.ForbiddenReason+": "+result.ForbiddenDetail)
		}
	}
	return reasons
}

func pod(object runtime.Object) (*metav1.ObjectMeta, *corev1.PodSpec) {
	switch one := object.(type) {
	case *appsv1.Deployment:
		return &one.Spec.Template.ObjectMeta, &one.Spec.Template.Spec
	case *batchv1.Job:
		return &one.Spec.Template.ObjectMeta, &one.Spec.Template.Spec
	case *corev1.Pod:
		return &one.ObjectMeta, &one.Spec
	}
	return nil, nil
}
