package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/sirupsen/logrus"
	"github.com/vmware-tanzu/velero/pkg/plugin/framework"
)

// partSize bounds the memory of an upload whose length is not known; S3 takes 10000 parts.
const partSize = 16 << 20

var keys = []string{"region", "s3Url", "publicUrl", "s3ForcePathStyle", "insecureSkipTLSVerify", "credentialsFile", "profile", "caCert"}

// store is Velero's ObjectStore over one S3 server.
type store struct {
	log    logrus.FieldLogger
	client *minio.Client
	public *minio.Client // signs the addresses that are given to people
}

func (s *store) Init(config map[string]string) error {
	if err := framework.ValidateObjectStoreConfigKeys(config, keys...); err != nil {
		return err
	}
	if config["s3Url"] == "" {
		return errors.New("config has no s3Url: this plugin knows no server of its own")
	}
	var err error
	if s.client, err = connect(config["s3Url"], config); err != nil {
		return err
	}
	s.public = s.client
	if config["publicUrl"] != "" {
		s.public, err = connect(config["publicUrl"], config)
	}
	return err
}

// connect makes the client of a server; the secret is read from the file that Velero writes for the location.
func connect(address string, config map[string]string) (*minio.Client, error) {
	endpoint, err := url.Parse(address)
	if err != nil || endpoint.Host == "" {
		return nil, fmt.Errorf("s3Url %q is no URL such as https://s3.example", address)
	}
	transport, err := minio.DefaultTransport(endpoint.Scheme == "https")
	if err != nil {
		return nil, err
	}
	if endpoint.Scheme == "https" {
		if transport.TLSClientConfig, err = trust(config); err != nil {
			return nil, err
		}
	}
	lookup := minio.BucketLookupDNS
	if config["s3ForcePathStyle"] == "true" {
		lookup = minio.BucketLookupPath
	}
	return minio.New(endpoint.Host, &minio.Options{
		Creds:        credentials.NewFileAWSCredentials(config["credentialsFile"], config["profile"]),
		Secure:       endpoint.Scheme == "https",
		Region:       config["region"],
		BucketLookup: lookup,
		Transport:    http.RoundTripper(transport),
	})
}

func trust(config map[string]string) (*tls.Config, error) {
	found := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: config["insecureSkipTLSVerify"] == "true"}
	if config["caCert"] != "" {
		found.RootCAs = x509.NewCertPool()
		if !found.RootCAs.AppendCertsFromPEM([]byte(config["caCert"])) {
			return nil, errors.New("caCert holds no certificate")
		}
	}
	return found, nil
}

func (s *store) PutObject(bucket, key string, body io.Reader) error {
	options := minio.PutObjectOptions{PartSize: partSize, ContentType: "application/octet-stream"}
	_, err := s.client.PutObject(context.Background(), bucket, key, body, -1, options)
	return said(err, "put", bucket, key)
}

func (s *store) ObjectExists(bucket, key string) (bool, error) {
	_, err := s.client.StatObject(context.Background(), bucket, key, minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, said(err, "stat", bucket, key)
}

func (s *store) GetObject(bucket, key string) (io.ReadCloser, error) {
	found, err := s.client.GetObject(context.Background(), bucket, key, minio.GetObjectOptions{})
	if err == nil {
		_, err = found.Stat() // the request is sent with the first use: say now what is wrong
	}
	if err != nil {
		return nil, said(err, "get", bucket, key)
	}
	return found, nil
}

func (s *store) ListCommonPrefixes(bucket, prefix, delimiter string) ([]string, error) {
	if delimiter != "/" {
		return nil, fmt.Errorf("list: the delimiter is %q; only / is known", delimiter)
	}
	return s.list(bucket, prefix, false, func(key string) bool { return strings.HasSuffix(key, delimiter) && key != prefix })
}

func (s *store) ListObjects(bucket, prefix string) ([]string, error) {
	return s.list(bucket, prefix, true, func(string) bool { return true })
}

func (s *store) list(bucket, prefix string, recursive bool, wanted func(string) bool) ([]string, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // ends the listing when it is left early
	var names []string
	for one := range s.client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: recursive}) {
		if one.Err != nil {
			return nil, said(one.Err, "list", bucket, prefix)
		}
		if wanted(one.Key) {
			names = append(names, one.Key)
		}
	}
	return names, nil
}

func (s *store) DeleteObject(bucket, key string) error {
	return said(s.client.RemoveObject(context.Background(), bucket, key, minio.RemoveObjectOptions{}), "delete", bucket, key)
}

func (s *store) CreateSignedURL(bucket, key string, ttl time.Duration) (string, error) {
	found, err := s.public.PresignedGetObject(context.Background(), bucket, key, ttl, nil)
	if err != nil {
		return "", said(err, "sign", bucket, key)
	}
	return found.String(), nil
}

func said(err error, what, bucket, key string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s/%s: %w", what, bucket, key, err)
}
