// velero-plugin-s3 stores Velero's backups on an S3 server. In the lab it takes the place of velero-plugin-for-aws, whose
// module the Go proxy does not serve: the same name for Velero (velero.io/aws), the same keys in a location's config.
package main

import (
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
	"github.com/vmware-tanzu/velero/pkg/plugin/framework"
)

func main() {
	framework.NewServer().
		BindFlags(pflag.CommandLine).
		RegisterObjectStore("velero.io/aws", func(log logrus.FieldLogger) (any, error) {
			return &store{log: log}, nil
		}).
		Serve()
}
