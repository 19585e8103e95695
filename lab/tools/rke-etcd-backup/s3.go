package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// place is where snapshots are copied to: a folder in a bucket. RKE gives the keys in the environment and the
// authority on the command line, both in base64.
type place struct {
	endpoint, bucket, region, folder, ca string
}

func (p place) key(archive string) string { return path.Join(p.folder, path.Base(archive)) }

func (p place) client() (*minio.Client, error) {
	if p.endpoint == "" || p.bucket == "" {
		return nil, errors.New("-s3-backup needs an endpoint and a bucket")
	}
	transport, err := minio.DefaultTransport(true)
	if err != nil {
		return nil, err
	}
	if p.ca != "" {
		pem, err := base64.StdEncoding.DecodeString(p.ca)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("-s3-endpoint-ca holds no certificate")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	access, err := secret("S3_ACCESS_KEY")
	if err != nil {
		return nil, err
	}
	key, err := secret("S3_SECRET_KEY")
	if err != nil {
		return nil, err
	}
	return minio.New(p.endpoint, &minio.Options{Creds: credentials.NewStaticV4(access, key, ""), Secure: true,
		Region: p.region, Transport: transport, BucketLookup: minio.BucketLookupPath})
}

func secret(name string) (string, error) {
	text, err := base64.StdEncoding.DecodeString(os.Getenv(name))
	if err != nil {
		return "", fmt.Errorf("%s is not base64", name)
	}
	return string(text), nil
}

// upload copies an archive to the bucket.
func (p place) upload(archive string) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	_, err = client.FPutObject(context.Background(), p.bucket, p.key(archive), archive, minio.PutObjectOptions{})
	if err != nil {
		return fmt.Errorf("failed to upload etcd snapshot file: %w", err)
	}
	log.Printf("uploaded %s to %s/%s", archive, p.bucket, p.key(archive))
	return nil
}

// fetch copies an archive from the bucket.
func (p place) fetch(archive string) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	if err := client.FGetObject(context.Background(), p.bucket, p.key(archive), archive, minio.GetObjectOptions{}); err != nil {
		return fmt.Errorf("failed to download etcd snapshot file: %w", err)
	}
	return os.Chmod(archive, 0o600)
}

func (p place) remove(archive string) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	return client.RemoveObject(context.Background(), p.bucket, p.key(archive), minio.RemoveObjectOptions{})
}

// prune removes periodic snapshots older than the retention from the bucket.
func (p place) prune(keep time.Duration) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for one := range client.ListObjects(ctx, p.bucket, minio.ListObjectsOptions{Prefix: p.key("x")[:len(p.key("x"))-1]}) {
		if one.Err != nil {
			return one.Err
		}
		if !strings.HasSuffix(one.Key, "_etcd.zip") || time.Since(one.LastModified) <= keep {
			continue
		}
		if err := client.RemoveObject(ctx, p.bucket, one.Key, minio.RemoveObjectOptions{}); err != nil {
			return err
		}
		log.Printf("removed %s/%s", p.bucket, one.Key)
	}
	return nil
}
